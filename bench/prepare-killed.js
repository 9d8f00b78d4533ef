/**
 * Clips prepared in one go, and prepared by processes that are killed (SIGKILL) at random times and started again: are the artifacts the same,
 * byte for byte, and is no FFmpeg left running?
 *
 *     node bench/prepare-killed.js [--clips 10000] [--kills 5] [--shard-mb 64] [--parallel 1,3] [--folder /tmp/cmmd-killed] [--seed 7]
 *
 * Needs `npm run build` and FFmpeg, which makes the films: 250 clips each, and some that cannot be used (cut off, silent, too short, no video at
 * all). Prints one JSON line with both hashes; ends with 1 when they differ. --parallel: files at once, without and with kills.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { cmmd, make, pipeline, processes, run } from "./prepare-media.js";

const { values: flags } = parseArgs({
  options: {
    clips: { type: "string", default: "10000" },
    kills: { type: "string", default: "5" },
    "shard-mb": { type: "string", default: "64" },
    parallel: { type: "string", default: "1,3" },
    folder: { type: "string", default: "/tmp/cmmd-killed" },
    seed: { type: "string", default: "7" },
  },
});
const folder = resolve(flags.folder);
const root = join(folder, "media");
const perFilm = 250;
const clip = { frames: 8, every: 4, context: 2 };
const [straight, killed] = flags.parallel.split(",").map(Number);

/** Repeatable numbers in [0, 1) (mulberry32). */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function films() {
  const seconds = (perFilm * clip.every + clip.frames - clip.every) / 10;
  const film = (name, length, hertz) =>
    make(join(root, name), [
      ...["-f", "lavfi", "-i", `testsrc2=s=160x120:r=25:d=${length},hue=h=${hertz}`],
      ...["-f", "lavfi", "-i", `aevalsrc=0.4*sin(${hertz}*t)+0.2*sin(7*t)*sin(2900*t):s=44100:d=${length}`],
      ...["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"],
    ]);
  const count = Math.ceil(Number(flags.clips) / perFilm);
  for (let i = 0; i < count; i++) {
    const name = `film-${String(i).padStart(3, "0")}.mp4`;
    const path = film(name, seconds, 200 + 37 * i);
    if (i % 8 === 3) writeFileSync(path.replace(".mp4", "-cut.mp4"), readFileSync(path).subarray(0, 400_000));
    if (i % 8 === 5) make(path.replace(".mp4", "-silent.mp4"), ["-i", path, "-an", "-c:v", "copy"]);
    if (i % 8 === 6) film(`film-${String(i).padStart(3, "0")}-short.mp4`, 0.5, 400);
    if (i % 8 === 7) writeFileSync(path.replace(".mp4", "-text.mp4"), "not a film\n".repeat(100));
  }
}

/** A folder with the pipeline; its artifact. */
function place(name, parallel) {
  const cwd = join(folder, name);
  rmSync(cwd, { recursive: true, force: true });
  mkdirSync(cwd, { recursive: true });
  const prepare = `shard_mb: ${flags["shard-mb"]}\n  parallel: ${parallel}`;
  writeFileSync(join(cwd, "bench.yaml"), pipeline({ root, clip, size: 32, prepare }));
  const store = join(cwd, ".cmmd/store/prepare");
  const artifact = () => {
    if (!existsSync(store)) return undefined;
    const found = readdirSync(store).find((one) => !one.endsWith(".lock"));
    return found && join(store, found);
  };
  return { cwd, artifact };
}

function filesOf(artifact) {
  return readdirSync(artifact, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(artifact.length + 1))
    .sort();
}

function hashOf(artifact) {
  const hash = createHash("sha256");
  for (const name of filesOf(artifact)) hash.update(`${name}\0`).update(readFileSync(join(artifact, name)));
  return hash.digest("hex");
}

const prepare = (cwd, options) => run(process.execPath, [cmmd, "run", "bench.yaml", "prepare"], { cwd, ...options });

films();
const reference = place("straight", straight);
const whole = await prepare(reference.cwd);
const random = numbers(Number(flags.seed));
const victim = place("killed", killed);
const left = [];
const shards = [];
let orphans = 0;
for (let i = 0; i < Number(flags.kills); i++) {
  const running = prepare(victim.cwd, { mayFail: true });
  const wait = (0.05 + (random() * 1.6) / Number(flags.kills)) * whole.seconds * 1000;
  await Promise.race([running, sleep(wait)]);
  const children = processes(running.child.pid).slice(1);
  running.child.kill("SIGKILL");
  await running;
  await sleep(3000);
  orphans += children.filter(({ pid }) => existsSync(`/proc/${pid}`)).length;
  const artifact = victim.artifact();
  left.push(Math.round(wait) / 1000);
  shards.push(artifact ? filesOf(artifact).filter((name) => /^shard-\d+\.safetensors$/.test(name)).length : 0);
}
const last = await prepare(victim.cwd);
const [expected, got] = [reference, victim].map(({ artifact }) => hashOf(artifact()));
const lines = (name) => readFileSync(join(reference.artifact(), name), "utf8").split("\n").length - 1;
console.log(
  JSON.stringify({
    bench: "prepare killed",
    clips: lines("index.jsonl"),
    rejected: lines("rejected.jsonl"),
    straight: expected,
    killed: got,
    same: expected === got,
    killed_after_s: left,
    shards_then: shards,
    straight_s: Math.round(whole.seconds),
    last_run_s: Math.round(last.seconds),
    orphans,
    temporary: filesOf(victim.artifact()).filter((name) => name.endsWith(".tmp")).length,
    peak_mb: Math.round(Math.max(whole.bytes, last.bytes) / 1e6),
  }),
);
if (expected !== got || orphans > 0) process.exitCode = 1;
