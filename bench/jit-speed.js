/**
 * cmmd against PyTorch on the CPU: the same network, weights, inputs and number of threads. The two sides are processes of their own that
 * take turns evaluation by evaluation, so that both see the same machine; between two turns the one that just ran falls idle.
 *
 *   node bench/jit-speed.js [--network paper|demo] [--figures forward,guidance,training] [--sizes 16,64] [--repeats 7]
 *                           [--threads 2] [--compile] [--no-memory] [--alone]
 *
 * Needs `npm run build`, and for the reference a Python with torch: $CMMD_BENCH_PYTHON, else python3. Without it, or with --alone, cmmd is
 * measured alone. Prints a table and, before it, one JSON line per figure: medians in seconds, ratio = reference / ours (above 1: cmmd is
 * faster), the largest difference of the results relative to the largest result. Ends with 1 when that is above 1e-3.
 * --compile adds torch.compile for information. Peak memory is that of fresh processes, largest latents only.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { networks } from "./cmmd-unet.js";

const { values: flags } = parseArgs({
  options: {
    network: { type: "string", default: "paper" },
    figures: { type: "string", default: "forward,guidance,training" },
    sizes: { type: "string" },
    repeats: { type: "string", default: "7" },
    threads: { type: "string", default: "2" },
    compile: { type: "boolean", default: false },
    "no-memory": { type: "boolean", default: false },
    alone: { type: "boolean", default: false },
  },
});
const network = networks[flags.network];
const sizes = (flags.sizes ?? (flags.network === "paper" ? "16,64" : "8")).split(",").map(Number);
const repeats = Number(flags.repeats);
const tolerance = 1e-3;
/** PyTorch's OpenMP threads spin for some milliseconds after their work. */
const restMs = 60;

const python = process.env.CMMD_BENCH_PYTHON ?? "python3";
/**
 * glibc's allocator as PyTorch runs fastest: it keeps freed memory, in large pages, instead of asking the system for it again.
 */
const keepMemory = {
  MALLOC_MMAP_MAX_: "0",
  MALLOC_TRIM_THRESHOLD_: String(2 ** 40),
  MALLOC_TOP_PAD_: String(2 ** 28),
  GLIBC_TUNABLES: "glibc.malloc.hugetlb=1",
};
const sides = {
  ours: { command: [process.execPath, join(import.meta.dirname, "unet-worker.js")], env: {} },
  reference: {
    command: [python, join(import.meta.dirname, "reference/unet_worker.py"), flags.threads],
    env: keepMemory,
  },
};

/** A process that answers requests, one at a time. */
class Worker {
  constructor({ command: [program, ...args], env }) {
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
    this.replies = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.ended = new Promise((resolve) => this.child.once("close", resolve));
  }

  async ask(what, request = {}) {
    this.child.stdin.write(`${JSON.stringify({ do: what, ...request })}\n`);
    const { value, done } = await this.replies.next();
    if (done) throw new Error(`the worker ended in ${what} with code ${await this.ended}`);
    return JSON.parse(value);
  }

  async end() {
    this.child.stdin.end();
    await this.ended;
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const round = (value) => (Number.isFinite(value) ? Number(value.toPrecision(4)) : undefined);
const rest = () => new Promise((resolve) => setTimeout(resolve, restMs));

/** Largest difference of two results, relative to the largest element of the second. */
function difference([a, b]) {
  const scale = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return (
    a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), a.length === b.length ? 0 : Infinity) / scale
  );
}

/** Medians of both sides' seconds for one figure, in turns, after one evaluation each that is not counted. */
async function measure(figure, size, names, compile) {
  const folder = mkdtempSync(join(tmpdir(), "cmmd-bench-"));
  const workers = names.map((name) => new Worker(sides[name]));
  try {
    const opened = [];
    for (const worker of workers) opened.push(await worker.ask("prepare", { figure, network, size, compile }));
    const graph = await workers[0].ask("graph");
    const times = workers.map(() => []);
    const results = [];
    for (let i = -1; i < repeats; i++) {
      for (const [w, worker] of workers.entries()) {
        await rest();
        const { seconds } = await worker.ask("run");
        if (i >= 0) times[w].push(seconds);
      }
    }
    for (const [w, worker] of workers.entries()) {
      const path = join(folder, names[w]);
      await worker.ask("output", { path });
      results.push(new Float32Array(new Uint8Array(readFileSync(path)).buffer));
    }
    return {
      times,
      opened: opened[0].seconds,
      graph,
      versions: opened[1]?.versions,
      difference: workers.length > 1 ? difference(results) : undefined,
    };
  } finally {
    for (const worker of workers) await worker.end();
    rmSync(folder, { recursive: true });
  }
}

/** Peak memory of a fresh process of each side that opens and evaluates three times, with its usual allocator. */
async function peaks(figure, size, names) {
  const result = {};
  for (const name of names) {
    const worker = new Worker({ ...sides[name], env: {} });
    await worker.ask("prepare", { figure, network, size, compile: false });
    for (let i = 0; i < 3; i++) await worker.ask("run");
    result[name] = (await worker.ask("memory")).peak;
    await worker.end();
  }
  return result;
}

function hasTorch() {
  if (flags.alone) return false;
  if (spawnSync(python, ["-c", "import torch, numpy"]).status === 0) return true;
  console.error(`${python} has no PyTorch, so cmmd is measured alone. To compare:
  python3 -m venv .venv && .venv/bin/pip install torch numpy && CMMD_BENCH_PYTHON=.venv/bin/python node bench/jit-speed.js`);
  return false;
}

/** Two sides that share cores with other work lose unequally: PyTorch's threads wait actively for each other. */
const busy = loadavg()[0];
if (busy > 0.5)
  console.error(`the machine is busy (load ${busy.toFixed(1)} before the start): do not trust the ratios`);

const names = hasTorch() ? ["ours", "reference"] : ["ours"];
const rows = [];
let worst = 0;
const print = (line) => {
  console.log(JSON.stringify(line));
  rows.push(line);
};
for (const size of sizes) {
  for (const figure of flags.figures.split(",")) {
    const bench = `${figure} ${size}x${size}`;
    const { times, opened, graph, versions, difference: off } = await measure(figure, size, names, false);
    const [ours, reference] = times.map(median);
    worst = Math.max(worst, off ?? 0);
    print({
      bench,
      ours: round(ours),
      reference: round(reference),
      ratio: round(reference / ours),
      shortest: times.map((values) => round(Math.min(...values))),
      difference: round(off),
      open: round(opened),
      nodes: graph.nodes,
      gflops: round(graph.flops / ours / 1e9),
      load: round(loadavg()[0]),
      versions,
    });
    if (flags.compile && names.length > 1) {
      try {
        const compiled = await measure(figure, size, names, true);
        print({
          bench: `${bench}, torch.compile`,
          ours: round(median(compiled.times[0])),
          reference: round(median(compiled.times[1])),
        });
      } catch (error) {
        console.error(`${bench}: torch.compile was left out: ${error.message}`);
      }
    }
    if (!flags["no-memory"] && size === Math.max(...sizes)) {
      const { ours: bytes, reference: other } = await peaks(figure, size, names);
      const gigabytes = (value) => (value === undefined ? undefined : round(value / 1e9));
      print({
        bench: `${bench}, peak memory`,
        unit: "GB",
        ours: gigabytes(bytes),
        reference: gigabytes(other),
        ratio: round(other / bytes),
      });
    }
  }
}

const cell = (value, width) => String(value ?? "").padStart(width);
console.log(`\n${"".padEnd(40)}${cell("cmmd", 10)}${cell("PyTorch", 10)}${cell("ratio", 8)}${cell("open", 8)}`);
for (const { bench, unit = "s", ours, reference, ratio, open } of rows) {
  const value = (x) => (x === undefined ? "" : `${x.toFixed(3)} ${unit}`);
  console.log(
    `${bench.padEnd(40)}${cell(value(ours), 10)}${cell(value(reference), 10)}${cell(ratio?.toFixed(2), 8)}${cell(open && value(open), 8)}`,
  );
}
if (worst > tolerance) {
  console.error(`the results differ by ${worst}, more than ${tolerance} relative`);
  process.exitCode = 1;
}
