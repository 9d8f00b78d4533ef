/**
 * Sound of 112 mel frames (1.79 s at 16 kHz) by MelGAN's full generator, cmmd's program against PyTorch with weight normalisation removed: the same
 * weights and number of threads, two processes that take turns.
 *
 *   python bench/reference/melgan.py --full /tmp/melgan.safetensors
 *   node bench/melgan-speed.js /tmp/melgan.safetensors [--frames 112] [--repeats 15] [--threads 2] [--alone]
 *
 * Needs `npm run build`, and for the reference a Python with torch and safetensors: $CMMD_BENCH_PYTHON, else python3; --alone measures cmmd alone.
 * cmmd takes as many threads as the process may use: taskset -c 0,1 for two. Prints one JSON line: medians in seconds, ratio = reference / ours
 * (above 1: cmmd is faster; the target is 1.2), and the largest difference of the sounds. Ends with 1 when that is above 1e-4.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    frames: { type: "string", default: "112" },
    repeats: { type: "string", default: "15" },
    threads: { type: "string", default: "2" },
    alone: { type: "boolean", default: false },
  },
});
const [path] = positionals;
const frames = Number(flags.frames);
const sides = {
  ours: [process.execPath, join(import.meta.dirname, "melgan-worker.js")],
  reference: [process.env.CMMD_BENCH_PYTHON ?? "python3", join(import.meta.dirname, "reference/melgan_worker.py")],
};
if (flags.alone) delete sides.reference;

function open([program, script]) {
  const child = spawn(program, [script], { stdio: ["pipe", "pipe", "inherit"] });
  const replies = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(what, request = {}) {
      child.stdin.write(`${JSON.stringify({ do: what, ...request })}\n`);
      const { value, done } = await replies.next();
      if (done) throw new Error(`${program} ended in ${what}`);
      return JSON.parse(value);
    },
    end: () => child.stdin.end(),
  };
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const folder = mkdtempSync(join(tmpdir(), "cmmd-melgan-"));
const workers = Object.fromEntries(Object.entries(sides).map(([name, command]) => [name, open(command)]));
const seconds = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
const sounds = {};
for (const worker of Object.values(workers)) {
  await worker.ask("prepare", { path, frames, threads: Number(flags.threads) });
  for (let i = 0; i < 3; i++) await worker.ask("run");
}
for (let i = 0; i < Number(flags.repeats); i++)
  for (const [name, worker] of Object.entries(workers)) seconds[name].push((await worker.ask("run")).seconds);
for (const [name, worker] of Object.entries(workers)) {
  await worker.ask("output", { path: join(folder, name) });
  sounds[name] = new Float32Array(new Uint8Array(readFileSync(join(folder, name))).buffer);
  worker.end();
}
rmSync(folder, { recursive: true });
const medians = Object.fromEntries(Object.entries(seconds).map(([name, values]) => [name, median(values)]));
const difference =
  sounds.reference && sounds.ours.reduce((most, x, i) => Math.max(most, Math.abs(x - sounds.reference[i])), 0);
console.log(
  JSON.stringify({
    bench: "melgan speed",
    frames,
    seconds: medians,
    best: Object.fromEntries(Object.entries(seconds).map(([name, values]) => [name, Math.min(...values)])),
    ratio: medians.reference / medians.ours,
    realTime: (frames * 256) / 16000 / medians.ours,
    difference,
    load: loadavg()[0],
  }),
);
if (difference > 1e-4) process.exitCode = 1;
