/**
 * Every parameter's gradient of the paper's network (105,840,212 parameters, 16x16 latents) at float32 against PyTorch's at float64.
 *
 *   python bench/reference/unet_gradients.py --full DIRECTORY && node bench/gradient-parity.js DIRECTORY
 *
 * Prints one JSON line with the worst and the median relative error, norm(ours - reference) / norm(reference), and the same by the largest
 * element; then the worst parameters. Built packages only. Ends with 1 above 1e-4.
 */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { jit, valueAndGrad } from "../packages/jit/dist/index.js";
import { apply } from "../packages/plugin-cmmd/dist/unet/network.js";
import { formulaInputs, formulaWeights, networks, optionsOf, parameterList } from "./cmmd-unet.js";

const directory = process.argv[2];
const network = networks.paper;
const names = JSON.parse(readFileSync(join(directory, "names.json"), "utf8"));
const list = parameterList(network);
if (JSON.stringify(list.map(({ name, shape }) => [name, shape])) !== JSON.stringify(names))
  throw new Error(`${directory}/names.json lists other parameters`);

const { video, audio, n } = formulaInputs(network, 16);
const program = jit(
  (p, x) =>
    valueAndGrad((q) => {
      const out = apply(q, x, optionsOf(network));
      return { value: out.video.square().sum().add(out.audio.square().sum()) };
    }, p).grads,
  { name: "gradients" },
);
const gradients = await program(formulaWeights(network), { video, audio, n });

const file = openSync(join(directory, "gradients.f32"), "r");
const rows = [];
for (const { name } of list) {
  const { data } = await gradients[name].read();
  const expected = new Float32Array(data.length);
  readSync(file, new Uint8Array(expected.buffer));
  const sums = { error: 0, norm: 0, off: 0, most: 0 };
  data.forEach((value, i) => {
    const error = value - expected[i];
    sums.error += error * error;
    sums.norm += expected[i] * expected[i];
    sums.off = Math.max(sums.off, Math.abs(error));
    sums.most = Math.max(sums.most, Math.abs(expected[i]));
  });
  rows.push({ name, norm: Math.sqrt(sums.norm), error: Math.sqrt(sums.error), largest: sums.most, off: sums.off });
}
closeSync(file);

// A bias before a group norm of one channel per group cancels: its gradient is 0 but for rounding, on the scale of its weight's.
const scales = new Map(rows.map((row) => [row.name, row]));
for (const row of rows) {
  const cancels = row.norm < 1e-6 * (scales.get(row.name.replace(/bias$/, "weight"))?.norm ?? 0);
  const scale = cancels ? scales.get(row.name.replace(/bias$/, "weight")) : row;
  row.relative = row.error / scale.norm;
  row.relativeLargest = row.off / scale.largest;
}
rows.sort((a, b) => b.relative - a.relative);
const worst = rows[0].relative;
console.log(
  JSON.stringify({
    bench: "gradient parity, float32 against PyTorch float64",
    parameters: rows.length,
    worst,
    median: rows[rows.length >> 1].relative,
    worstByLargest: Math.max(...rows.map(({ relativeLargest }) => relativeLargest)),
  }),
);
for (const { name, relative, relativeLargest, norm } of rows.slice(0, 10))
  console.log(
    `${name.padEnd(28)} ${relative.toExponential(2)} ${relativeLargest.toExponential(2)}  norm ${norm.toExponential(2)}`,
  );
if (!(worst < 1e-4)) process.exitCode = 1;
