/**
 * Prepares damaged media: cuts, flips and splices files (real ones of ../shared/data/clips where they are, and generated ones), puts every
 * mutant through `cmmd run ... prepare` and `cmmd data show`, and checks that each ends as clips or as a rejection with a reason, that
 * nothing hangs, that no FFmpeg stays behind and no temporary file. The first `--generate` mutants also go through `cmmd generate --video`,
 * which must write a film or end with an error that has a code. Prints one JSON line; exit code 1 when something was wrong. Linux only;
 * needs a build.
 *
 *     node bench/media-fuzz.js [--count 500] [--seed 1] [--batch 100] [--generate 0] [--only generated] [--keep]
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { locateFfmpeg } from "../packages/plugin-media/dist/ffmpeg/locate.js";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "500" },
    seed: { type: "string", default: "1" },
    batch: { type: "string", default: "100" },
    generate: { type: "string", default: "0" },
    only: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const [count, seed, batch] = [values.count, values.seed, values.batch].map(Number);
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "cmmd-fuzz-"));
/** Seconds for a batch; far more than it takes, as only a file that hangs should reach it. */
const batchSeconds = 900;

let state = seed >>> 0;
/** Mulberry32. */
function random(limit) {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
}

/** Short films of other containers and codecs than the real clips have. */
async function generated() {
  const ffmpeg = await locateFfmpeg(() => {});
  const sources = ["-f", "lavfi", "-i", "testsrc=s=96x64:r=25:d=3", "-f", "lavfi", "-i", "sine=f=440:d=3:r=44100"];
  const h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
  const kinds = {
    "plain.mp4": [...h264, "-c:a", "aac", "-movflags", "+faststart"],
    "index-last.mp4": [...h264, "-c:a", "aac"],
    "fragmented.mp4": [...h264, "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"],
    "h264.mkv": [...h264, "-c:a", "libopus"],
    "mpeg4.avi": ["-c:v", "mpeg4", "-c:a", "libmp3lame"],
    "vp8.webm": ["-c:v", "libvpx", "-c:a", "libvorbis"],
    "motion.mov": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le"],
    "stream.ts": [...h264, "-c:a", "aac"],
  };
  return Object.entries(kinds).map(([name, args]) => {
    const path = join(folder, name);
    execFileSync(ffmpeg, ["-v", "error", "-nostdin", "-y", ...sources, ...args, path]);
    return { name, bytes: readFileSync(path) };
  });
}

/** Files that are whole but odd, and what must become of them: a code of a rejection, or a fault that their clips' rows name. */
const odd = {
  "no-number.mkv": { sound: "if(gt(t\\,1)\\,0/0\\,sin(9*t))", codec: "pcm_f32le", code: "CMMD323" },
  "silent.mp4": { sound: "0", codec: "aac", fault: "silent" },
  "clipped.mov": { sound: "clip(3*sin(2764*t)\\,-1\\,1)", codec: "pcm_s16le", fault: "clipped" },
};

async function writeOdd(home) {
  const ffmpeg = await locateFfmpeg(() => {});
  for (const [name, { sound, codec }] of Object.entries(odd)) {
    const sources = [
      "-f",
      "lavfi",
      "-i",
      "testsrc=s=96x64:r=25:d=2",
      "-f",
      "lavfi",
      "-i",
      `aevalsrc=${sound}:d=2:s=44100`,
    ];
    const codecs = ["-c:v", "mpeg4", "-c:a", codec, "-strict", "experimental"];
    execFileSync(ffmpeg, ["-v", "error", "-nostdin", "-y", ...sources, ...codecs, join(home, "media", name)]);
  }
}

function real() {
  const clips = at("../../shared/data/clips");
  if (values.only === "generated" || !existsSync(clips)) return [];
  return readdirSync(clips).map((name) => ({ name, bytes: readFileSync(join(clips, name)) }));
}

/** What is done to a file; `other` is a second one. Damage to the first kilobytes and to a few bytes anywhere are both likely. */
const mutations = {
  cutEnd: (bytes) => bytes.subarray(0, random(bytes.length)),
  cutBeginning: (bytes) => bytes.subarray(random(Math.min(bytes.length, 1 << random(20)))),
  cutMiddle(bytes) {
    const from = random(bytes.length);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + random(1 << random(18)))]);
  },
  flip(bytes) {
    const flipped = Buffer.from(bytes);
    const reach = random(2) === 0 ? bytes.length : Math.min(bytes.length, 4096);
    const ending = random(2) === 0 ? bytes.length - reach : 0;
    for (let k = 1 + random(40); k > 0 && reach > 0; k--) flipped[ending + random(reach)] ^= 1 << random(8);
    return flipped;
  },
  overwrite(bytes) {
    const written = Buffer.from(bytes);
    const from = random(bytes.length);
    const value = [0, 255, -1][random(3)];
    for (let i = from; i < Math.min(bytes.length, from + (1 << random(16))); i++)
      written[i] = value < 0 ? random(256) : value;
    return written;
  },
  repeat(bytes) {
    const from = random(bytes.length);
    const block = bytes.subarray(from, from + (1 << random(16)));
    return Buffer.concat([bytes.subarray(0, from), block, bytes.subarray(from)]);
  },
  splice: (bytes, other) =>
    Buffer.concat([bytes.subarray(0, random(bytes.length)), other.subarray(random(other.length))]),
  insert(bytes, other) {
    const [into, from] = [random(bytes.length), random(other.length)];
    const block = other.subarray(from, from + (1 << random(17)));
    return Buffer.concat([bytes.subarray(0, into), block, bytes.subarray(into)]);
  },
  nothing: () => Buffer.alloc(0),
  noise: () => Buffer.from(Array.from({ length: 1 + random(1 << 14) }, () => random(256))),
};
const names = [...Object.keys(mutations), "flip", "flip", "cutMiddle", "splice", "overwrite"];

function mutant(sources, i) {
  const source = sources[random(sources.length)];
  let { bytes } = source;
  const done = [];
  for (let k = 1 + random(3); k > 0 && bytes.length > 0; k--) {
    const name = names[random(names.length)];
    bytes = mutations[name](bytes, sources[random(sources.length)].bytes);
    done.push(name);
  }
  const stem = `${String(i).padStart(4, "0")}-${source.name.slice(0, -extname(source.name).length)}-${done.join("-")}`;
  return { name: stem + extname(source.name), bytes };
}

const pipeline = `cmmd: 1
name: fuzz
device: cpu
data:
  use: folder
  root: media
  extensions: [mp4, mkv, mov, avi, webm, ts]
  holdout: 0
  max_rejected: 1
  clip: { frames: 4, every: 20 }
prepare:
  codec: { use: ffmpeg, time_limit: 20 }
  video: [{ use: fps, rate: 10 }, { use: center-crop }, { use: resize, size: 16 }]
  audio: [{ use: resample, rate: 16000 }, { use: mel, bins: 16, window: 512, hop: 256 }]
latents: { use: patch-pca, patch: 16, channels: 4 }
model: { use: cmmd-unet, channels: 8, multipliers: [1], head_dim: 8, groups: 4, fusion: easy }
diffusion: { schedule: cosine, steps: 10, predict: v }
train: { steps: 1, batch: 1, optimizer: { use: adam, rate: 1e-3 }, losses: [{ use: diffusion }] }
generate: { task: v2a, sampler: { use: ddim, steps: 2 }, vocoder: { use: griffin-lim, iterations: 2 } }
`;

/** Runs cmmd in `home`, with its temporary files there; kills it after `batchSeconds`. */
function cmmd(home, ...argv) {
  const env = { ...process.env, TMPDIR: join(home, "tmp") };
  const child = spawn(process.execPath, [at("../packages/cli/bin/cmmd.js"), ...argv], { cwd: home, env });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  const limit = setTimeout(() => child.kill("SIGKILL"), batchSeconds * 1000);
  return new Promise((resolve) =>
    child.once("close", (code, signal) => {
      clearTimeout(limit);
      resolve({ code, signal, out, err });
    }),
  );
}

/** Processes that have to do with the batch's folder. */
function running(home) {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(home);
    } catch {
      return false;
    }
  });
}

const lines = (path) =>
  existsSync(path)
    ? readFileSync(path, "utf8")
        .trim()
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];

function artifact(home) {
  const kind = join(home, ".cmmd/store/prepare");
  const [hash] = existsSync(kind) ? readdirSync(kind).filter((name) => !name.startsWith(".")) : [];
  return hash && join(kind, hash);
}

async function prepared(home, sources, from, to) {
  mkdirSync(join(home, "media"), { recursive: true });
  mkdirSync(join(home, "tmp"));
  writeFileSync(join(home, "fuzz.yaml"), pipeline);
  // One sound file, as a dataset without any clip is an error of its own.
  writeFileSync(join(home, "media/intact.mp4"), sources.find(({ name }) => name === "plain.mp4").bytes);
  await writeOdd(home);
  const mutants = [];
  for (let i = from; i < to; i++) {
    const { name, bytes } = mutant(sources, i);
    writeFileSync(join(home, "media", name), bytes);
    mutants.push(name);
  }
  const problems = [];
  const seen = await cmmd(home, "data", "show", "fuzz.yaml", "--json");
  if (seen.code !== 0)
    problems.push(`data show ended with ${seen.code ?? seen.signal}: ${seen.out.slice(-600)}${seen.err.slice(-600)}`);
  const run = await cmmd(home, "run", "fuzz.yaml", "prepare", "--json");
  if (run.code !== 0)
    problems.push(`prepare ended with ${run.code ?? run.signal}: ${run.out.slice(-600)}${run.err.slice(-600)}`);
  const left = [...running(home).map((pid) => `process ${pid}`), ...readdirSync(join(home, "tmp"))];
  if (left.length > 0) problems.push(`left behind: ${left.join(", ")}`);
  const store = artifact(home);
  const rows = store ? lines(join(store, "index.jsonl")) : [];
  const clips = new Set(rows.map(({ recording }) => recording));
  const rejected = store ? lines(join(store, "rejected.jsonl")) : [];
  const reasons = new Map(rejected.map((row) => [row.media.split("/").at(-1), row]));
  for (const name of mutants) {
    const reason = reasons.get(name);
    const usable = [...clips].some(
      (recording) => recording.includes(name) || recording === name.slice(0, -extname(name).length),
    );
    if (!usable && !reason) problems.push(`${name}: neither clips nor a rejection`);
    if (reason && !(/^CMMD(3\d\d|515)$/.test(reason.code) && reason.reason.length > 10))
      problems.push(`${name}: ${JSON.stringify(reason)}`);
  }
  for (const [name, { code, fault }] of Object.entries(odd)) {
    const found = reasons.get(name)?.code ?? rows.filter(({ recording }) => recording === name.split(".")[0]);
    const right = code ? found === code : Array.isArray(found) && found.length > 0 && found.every((row) => row[fault]);
    if (!right) problems.push(`${name}: not ${code ?? fault} but ${JSON.stringify(found)}`);
    reasons.delete(name);
  }
  const codes = {};
  for (const { code } of reasons.values()) codes[code] = (codes[code] ?? 0) + 1;
  return { problems, codes, usable: mutants.filter((name) => !reasons.has(name)).length };
}

/** Sound for the first mutants of the first batch. */
async function heard(home, sources, number) {
  mkdirSync(join(home, "media"), { recursive: true });
  mkdirSync(join(home, "tmp"));
  writeFileSync(join(home, "fuzz.yaml"), pipeline);
  for (const { name, bytes } of sources.filter(({ name }) => /^(plain|vp8)/.test(name)))
    writeFileSync(join(home, "media", name), bytes);
  const trained = await cmmd(home, "run", "fuzz.yaml", "train");
  if (trained.code !== 0) return { problems: [`training ended with ${trained.code}: ${trained.err}`], films: 0 };
  const mutants = join(folder, "batch-0", "media");
  const [problems, film] = [[], join(home, "film.mp4")];
  let films = 0;
  for (const name of readdirSync(mutants).sort().slice(0, number)) {
    rmSync(film, { force: true });
    const { code, err } = await cmmd(home, "generate", "--run", "fuzz", "--video", join(mutants, name), "-o", film);
    const told = /^CMMD\d+ /m.test(err) && !/internal:|^ +at /m.test(err);
    if (code === 0 && existsSync(film)) films++;
    else if (code !== 1 || !told || existsSync(film))
      problems.push(`generate --video ${name}: ${code} ${err.slice(-600)}`);
    const left = readdirSync(home).filter((one) => /\.partial$/.test(one));
    if (left.length > 0) problems.push(`generate --video ${name} left ${left.join(", ")}`);
  }
  return { problems, films };
}

const sources = [...(await generated()), ...real()];
const started = Date.now();
const total = { problems: [], codes: {}, usable: 0 };
for (let from = 0; from < count; from += batch) {
  const found = await prepared(join(folder, `batch-${from}`), sources, from, Math.min(count, from + batch));
  total.problems.push(...found.problems);
  total.usable += found.usable;
  for (const [code, number] of Object.entries(found.codes)) total.codes[code] = (total.codes[code] ?? 0) + number;
  console.error(`${Math.min(count, from + batch)} of ${count} mutants, ${total.problems.length} problems`);
}
if (Number(values.generate) > 0) {
  const { problems, films } = await heard(join(folder, "generate"), sources, Number(values.generate));
  total.problems.push(...problems);
  total.films = films;
}
const seconds = Math.round((Date.now() - started) / 1000);
console.log(JSON.stringify({ bench: "media-fuzz", seed, mutants: count, sources: sources.length, ...total, seconds }));
if (!values.keep) rmSync(folder, { recursive: true });
else console.error(`kept in ${folder}`);
process.exitCode = total.problems.length > 0 ? 1 : 0;
