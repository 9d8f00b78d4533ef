/**
 * A whole guided DDIM sampling of one clip, cmmd's loop as `generate` runs it against the same loop in PyTorch: same network, weights, noise and
 * number of threads. The two sides are processes of their own that take turns clip by clip.
 *
 *   node bench/sampling-speed.js [--network paper|demo] [--size 16] [--steps 200] [--repeats 3] [--threads 2] [--weight 0.1] [--alone]
 *
 * Needs `npm run build`, and for the reference a Python with torch: $CMMD_BENCH_PYTHON, else python3; --alone measures cmmd alone. Prints one JSON
 * line: medians in seconds per clip and per step, ratio = reference / ours (above 1: cmmd is faster; the target is 1.3), and the largest difference of
 * the sounds relative to the largest value. Ends with 1 when that is above 1e-2: rounding grows over the steps of a network that was never trained.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { networks } from "./cmmd-unet.js";

const { values: flags } = parseArgs({
  options: {
    network: { type: "string", default: "paper" },
    size: { type: "string", default: "16" },
    steps: { type: "string", default: "200" },
    repeats: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
    weight: { type: "string", default: "0.1" },
    alone: { type: "boolean", default: false },
  },
});
const steps = Number(flags.steps);
const tolerance = 1e-2;
/** glibc's allocator as PyTorch runs fastest: see jit-speed.js. */
const keepMemory = {
  MALLOC_MMAP_MAX_: "0",
  MALLOC_TRIM_THRESHOLD_: String(2 ** 40),
  MALLOC_TOP_PAD_: String(2 ** 28),
  GLIBC_TUNABLES: "glibc.malloc.hugetlb=1",
};
const python = process.env.CMMD_BENCH_PYTHON ?? "python3";
const sides = [
  { command: [process.execPath, join(import.meta.dirname, "sampling-worker.js")], env: {} },
  { command: [python, join(import.meta.dirname, "reference/sampling_worker.py"), flags.threads], env: keepMemory },
].slice(0, flags.alone ? 1 : 2);

function open({ command: [program, ...args], env }) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
  const replies = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise((resolve) => child.once("close", resolve));
  return {
    async ask(what, request = {}) {
      child.stdin.write(`${JSON.stringify({ do: what, ...request })}\n`);
      const { value, done } = await replies.next();
      if (done) throw new Error(`${program} ended in ${what} with code ${await ended}`);
      return JSON.parse(value);
    },
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const round = (value) => (value === undefined ? undefined : Number(value.toPrecision(4)));

const folder = mkdtempSync(join(tmpdir(), "cmmd-bench-"));
const workers = sides.map(open);
try {
  const common = {
    network: { ...networks[flags.network], batch: 1 },
    size: Number(flags.size),
    steps,
    weight: Number(flags.weight),
    path: join(folder, "start"),
  };
  let versions;
  for (const worker of workers) ({ versions } = await worker.ask("prepare", common));
  const times = workers.map(() => []);
  for (let i = -1; i < Number(flags.repeats); i++)
    for (const [w, worker] of workers.entries()) {
      const { seconds } = await worker.ask("run");
      // The first clip compiles the program and fills the allocators.
      if (i >= 0) times[w].push(seconds);
    }
  const sounds = [];
  for (const [w, worker] of workers.entries()) {
    const path = join(folder, `sound-${w}`);
    await worker.ask("output", { path });
    sounds.push(new Float32Array(new Uint8Array(readFileSync(path)).buffer));
    await worker.ask("end");
  }
  const [ours, reference] = times.map(median);
  const largest = sounds[0].reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const difference = sounds[1]?.reduce((most, x, i) => Math.max(most, Math.abs(x - sounds[0][i])), 0) / largest;
  console.log(
    JSON.stringify({
      bench: `${steps} guided DDIM steps, ${flags.network}, ${flags.size}x${flags.size}`,
      ours: round(ours),
      reference: round(reference),
      ratio: round(reference && reference / ours),
      per_step: [ours, reference].map((seconds) => seconds && round(seconds / steps)),
      difference: round(sounds[1] && difference),
      load: round(loadavg()[0]),
      versions,
    }),
  );
  if (difference > tolerance || !Number.isFinite(largest)) {
    console.error(`the sounds differ by ${difference} relative, more than ${tolerance}`);
    process.exitCode = 1;
  }
} finally {
  for (const worker of workers) await worker.end();
  rmSync(folder, { recursive: true });
}
