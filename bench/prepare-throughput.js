/**
 * `cmmd run ... prepare` of real clips and of long H.264/AAC files made from them, against the same work done by
 *
 * - a plain FFmpeg command line for each file, one after the other, that writes raw frames and PCM and nothing else (target: 0.85 of its
 *   throughput), and the same with as many at once as there are cores, each on one thread;
 * - Python (bench/reference/prepare.py): PyAV, torch resize and torchaudio mel in one process (target: 2 times its throughput).
 *
 *     node bench/prepare-throughput.js [--clips ../shared/data/clips] [--folder /tmp/cmmd-prepare] [--minutes 2] [--size 128] [--repeats 3] [--no-python]
 *
 * Needs `npm run build`, FFmpeg, and for Python $CMMD_BENCH_PYTHON (else python3) with av, torch, torchaudio and safetensors. The sides take turns.
 * Prints every measurement to stderr, and one JSON line per reference: medians in seconds for all the files, ratio = reference / ours (above 1: cmmd is faster), the same of the
 * processor's time, which says more on a busy machine, and the most memory that cmmd and its FFmpegs had at once, in MB.
 */
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import media from "@cmmd/plugin-media";
import { cmmd, ffmpeg, make, median, pipeline, runTimed } from "./prepare-media.js";

const { values: flags } = parseArgs({
  options: {
    clips: { type: "string", default: join(import.meta.dirname, "../../shared/data/clips") },
    folder: { type: "string", default: "/tmp/cmmd-prepare" },
    minutes: { type: "string", default: "2" },
    size: { type: "string", default: "128" },
    repeats: { type: "string", default: "3" },
    "no-python": { type: "boolean", default: false },
  },
});
const size = Number(flags.size);
const clip = { frames: 18, every: 18, context: 4 };
const folder = resolve(flags.folder);
const root = join(folder, `media-${flags.minutes}`);
const work = join(folder, "work");

/** The real clips, and those that look most like a dataset's films once more as long files. */
function films() {
  mkdirSync(root, { recursive: true });
  const names = readdirSync(flags.clips).filter((name) => /\.(mp4|mkv)$/.test(name));
  for (const name of names) {
    const path = join(root, name);
    rmSync(path, { force: true });
    symlinkSync(resolve(flags.clips, name), path);
    if (!/^(dance|kitchen_chopping|drumkit|vas_drum)/.test(name)) continue;
    const length = ["-t", String(Number(flags.minutes) * 60)];
    const coded = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac"];
    make(join(root, name.replace(/\.\w+$/, "-long.mp4")), ["-stream_loop", "-1", "-i", path, ...length, ...coded]);
  }
  return readdirSync(root)
    .filter((name) => /^[^.]*\.(mp4|mkv)$/.test(name))
    .map((name) => join(root, name));
}

const paths = films();
const { fps, "center-crop": crop, resize } = media.transforms;
const filters = [fps.filter({ rate: 10 }), crop.filter({}), resize.filter({ size, filter: "area" })].join(",");

const plain = (path, i, ...threads) =>
  runTimed(ffmpeg, [
    ...["-nostdin", "-v", "error", "-y", ...threads, "-i", path],
    ...["-map", "0:V:0", "-vf", filters, "-f", "rawvideo", join(work, `${i}.rgb`)],
    ...["-map", "0:a:0", "-ac", "1", "-ar", "16000", "-f", "f32le", join(work, `${i}.pcm`)],
  ]);

const sides = {
  async ours() {
    const path = join(work, "bench.yaml");
    writeFileSync(path, pipeline({ root, clip, size }));
    return runTimed(process.execPath, [cmmd, "run", path, "prepare"]);
  },
  async ffmpeg() {
    const began = performance.now();
    let cpu = 0;
    for (const [i, path] of paths.entries()) cpu += (await plain(path, i)).cpu;
    return { seconds: (performance.now() - began) / 1000, cpu };
  },
  async "ffmpeg, several at once"() {
    const began = performance.now();
    const rest = paths.entries();
    let cpu = 0;
    const lane = async () => {
      for (const [i, path] of rest) {
        const one = await plain(path, i, "-threads", "1");
        cpu += one.cpu;
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, lane));
    return { seconds: (performance.now() - began) / 1000, cpu };
  },
  ...(!flags["no-python"] && {
    async python() {
      const script = join(import.meta.dirname, "reference/prepare.py");
      return runTimed(process.env.CMMD_BENCH_PYTHON ?? "python3", [script, work, String(size), ...paths]);
    },
  }),
};

const measured = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
for (let i = 0; i < Number(flags.repeats); i++)
  for (const [name, side] of Object.entries(sides)) {
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    const one = await side();
    measured[name].push(one);
    console.error(`${name}: ${one.seconds.toFixed(1)} s, ${one.cpu.toFixed(1)} s of processors`);
  }
rmSync(work, { recursive: true, force: true });

const middle = (name, what) => median(measured[name].map((one) => one[what]));
const megabytes = Math.round(Math.max(...measured.ours.map(({ bytes }) => bytes)) / 1e6);
const round = (value) => Math.round(value * 1000) / 1000;
for (const name of Object.keys(sides).slice(1))
  console.log(
    JSON.stringify({
      bench: "prepare throughput",
      against: name,
      files: paths.length,
      ours: round(middle("ours", "seconds")),
      reference: round(middle(name, "seconds")),
      ratio: round(middle(name, "seconds") / middle("ours", "seconds")),
      cpu_ratio: round(middle(name, "cpu") / middle("ours", "cpu")),
      peak_mb: megabytes,
      load: round(loadavg()[0]),
    }),
  );
