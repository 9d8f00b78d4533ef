/**
 * Single convolutions against PyTorch on the CPU: those of a MelGAN's generator and discriminator, and depthwise ones.
 *
 *   node bench/jit-convolutions.js [--batch 4] [--samples 8192] [--only NAME] [--repeats 7] [--threads 2]
 *
 * Needs `npm run build` and a Python with torch ($CMMD_BENCH_PYTHON, else python3). The two sides take turns run by run. Prints one JSON line
 * per case: medians in milliseconds of the frozen forward pass and of the forward pass with both gradients, ratios = reference / ours
 * (above 1: cmmd is faster), and the largest difference of result and gradients relative to the largest element of each.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { jit, nn, tf } from "@cmmd/jit";

const { values: flags } = parseArgs({
  options: {
    batch: { type: "string", default: "4" },
    samples: { type: "string", default: "8192" },
    only: { type: "string", default: "" },
    repeats: { type: "string", default: "7" },
    threads: { type: "string", default: "2" },
  },
});
const batch = Number(flags.batch);
const samples = Number(flags.samples);
const repeats = Number(flags.repeats);

const conv = (name, size, inputs, outputs, kernel, { stride = 1, dilation = 1, groups = 1, pad = 0 } = {}) => ({
  name,
  transposed: false,
  batch,
  size,
  in: inputs,
  filter: [outputs, inputs / groups, ...size.map(() => kernel)],
  stride,
  dilation,
  groups,
  pad,
});
const upsampling = (name, size, inputs, outputs, rate) => ({
  ...conv(name, [size], inputs, outputs, 2 * rate, { stride: rate, pad: rate / 2 }),
  transposed: true,
  filter: [inputs, outputs, 2 * rate],
});
const of = (rate) => samples / rate;
const cases = [
  conv("generator, first", [of(256) + 6], 80, 512, 7),
  upsampling("transposed, 512 to 256, 8", of(256), 512, 256, 8),
  conv("dilation 3, 256", [of(32) + 6], 256, 256, 3, { dilation: 3 }),
  upsampling("transposed, 256 to 128, 8", of(32), 256, 128, 8),
  conv("dilation 3, 128", [of(4) + 6], 128, 128, 3, { dilation: 3 }),
  upsampling("transposed, 128 to 64, 2", of(4), 128, 64, 2),
  conv("dilation 9, 64", [of(2) + 18], 64, 64, 3, { dilation: 9 }),
  upsampling("transposed, 64 to 32, 2", of(2), 64, 32, 2),
  conv("dilation 9, 32", [samples + 18], 32, 32, 3, { dilation: 9 }),
  conv("generator, last", [samples + 6], 32, 1, 7),
  conv("discriminator, first", [samples + 14], 1, 16, 15),
  conv("41 taps, 4 groups", [samples], 16, 64, 41, { stride: 4, groups: 4, pad: 20 }),
  conv("41 taps, 16 groups", [of(4)], 64, 256, 41, { stride: 4, groups: 16, pad: 20 }),
  conv("41 taps, 64 groups", [of(16)], 256, 1024, 41, { stride: 4, groups: 64, pad: 20 }),
  conv("41 taps, 256 groups", [of(64)], 1024, 1024, 41, { stride: 4, groups: 256, pad: 20 }),
  conv("discriminator, 5 taps", [of(256)], 1024, 1024, 5, { pad: 2 }),
  conv("discriminator, last", [of(256)], 1024, 1, 3, { pad: 1 }),
  conv("depthwise, 7 taps", [of(4)], 128, 128, 7, { groups: 128, pad: 3 }),
  conv("depthwise, 3x3", [32, 32], 128, 128, 3, { groups: 128, pad: 1 }),
  conv("depthwise, 3x3, stride 2", [32, 32], 128, 128, 3, { groups: 128, pad: 1, stride: 2 }),
  conv("depthwise, 7x7", [32, 32], 96, 96, 7, { groups: 96, pad: 3 }),
].filter(({ name }) => name.includes(flags.only));

const wave = (step, shape) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(step * i)),
});
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const round = (value) => Number(value.toPrecision(3));

/** cmmd's side: programs of the frozen forward pass and of the forward pass with both gradients. */
async function prepare({ transposed, batch, size, in: inputs, filter: shape, ...options }) {
  const pad = transposed ? options.pad : size.map(() => options.pad);
  const call = (x, w) => (transposed ? nn.convTranspose : nn.conv)(x, w, { ...options, pad });
  const [x, filter] = [wave(0.11, [batch, ...size, inputs]), wave(0.13, shape)];
  const dy = wave(0.17, jit(call).lower(x, filter).outputs[0].shape);
  const all = (x, w, dy) => [call(x, w), ...tf.grads(call)([x, w], dy)];
  const whole = jit(all);
  const values = async () => Promise.all((await whole(x, filter, dy)).map(async (value) => (await value.read()).data));
  // Sums instead of the tensors themselves, which nobody takes out of a network.
  const forward = jit((w, x) => call(x, w).sum(), { freeze: [0] });
  const step = jit((x, w, dy) => {
    const [y, dx, dw] = all(x, w, dy);
    return [y.sum(), dx.sum(), dw.mul(w).sum()];
  });
  const timed = async (run) => {
    const start = performance.now();
    for (const result of await run()) result.dispose();
    return performance.now() - start;
  };
  return {
    forward: () => timed(async () => [await forward(filter, x)]),
    step: () => timed(() => step(x, filter, dy)),
    values,
    dispose: async () => {
      await forward.dispose();
      await step.dispose();
      await whole.dispose();
    },
  };
}

const python = spawn(
  process.env.CMMD_BENCH_PYTHON ?? "python3",
  [join(import.meta.dirname, "reference/convolutions.py"), flags.threads],
  { stdio: ["pipe", "pipe", "inherit"] },
);
const replies = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
async function ask(request) {
  python.stdin.write(`${JSON.stringify(request)}\n`);
  const { value, done } = await replies.next();
  if (done) throw new Error("the Python process ended");
  return JSON.parse(value);
}
/** PyTorch's OpenMP threads spin for some milliseconds after their work. */
const rest = () => new Promise((resolve) => setTimeout(resolve, 60));

const folder = mkdtempSync(join(tmpdir(), "cmmd-bench-"));
for (const one of cases) {
  const ours = await prepare(one);
  await ask({ do: "prepare", case: one });
  const line = { bench: one.name };
  for (const what of ["forward", "step"]) {
    const times = [[], []];
    for (let i = -1; i < repeats; i++) {
      await rest();
      const own = await ours[what]();
      await rest();
      const { seconds } = await ask({ do: "run", what });
      if (i < 0) continue;
      times[0].push(own);
      times[1].push(1000 * seconds);
    }
    const [own, reference] = times.map(median);
    line[what] = { ours: round(own), reference: round(reference), ratio: round(reference / own) };
  }
  const path = join(folder, "values");
  await ask({ do: "output", path });
  const wanted = new Float32Array(new Uint8Array(readFileSync(path)).buffer);
  const values = await ours.values();
  line.difference = values.map((got, i) => {
    const start = values.slice(0, i).reduce((sum, { length }) => sum + length, 0);
    const want = wanted.subarray(start, start + got.length);
    const scale = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return round(got.reduce((most, value, j) => Math.max(most, Math.abs(value - want[j])), 0) / scale);
  });
  console.log(JSON.stringify({ ...line, load: round(loadavg()[0]) }));
  await ours.dispose();
}
python.stdin.end();
rmSync(folder, { recursive: true });
