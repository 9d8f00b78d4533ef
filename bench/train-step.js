/**
 * Seconds per training step and per guided evaluation of the demo's network, on the built packages.
 *
 *   node bench/train-step.js [--device cpu] [--repeats 12] [--batch 8] [--channels 32]
 *
 * Prints one JSON line per program: the shortest and the median time, the time to trace and open the program, its number of nodes,
 * and GFLOP/s of matrix products and convolutions (counted in the graph).
 */
import { parseArgs } from "node:util";
import { stream } from "../packages/core/dist/diffusion/random.js";
import { samplingProgram } from "../packages/core/dist/sample/program.js";
import { flatten, layoutOf } from "../packages/core/dist/train/flat.js";
import { stepScalars } from "../packages/core/dist/train/optimizer.js";
import { trainingProgram } from "../packages/core/dist/train/program.js";
import { reconstruction } from "../packages/plugin-cmmd/dist/guidance/reconstruction.js";
import { body as diffusionLoss } from "../packages/plugin-cmmd/dist/losses/diffusion.js";
import * as model from "../packages/plugin-cmmd/dist/unet/network.js";

const { values: flags } = parseArgs({
  options: {
    device: { type: "string", default: "cpu" },
    repeats: { type: "string", default: "12" },
    batch: { type: "string", default: "8" },
    channels: { type: "string", default: "32" },
  },
});
const [repeats, batch, channels] = [flags.repeats, flags.batch, flags.channels].map(Number);

const shape = { video: [18, 8, 8, 8], audio: [112, 80] };
const optimizer = { use: "adam", rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, warmup: 50 };
const options = { channels, multipliers: [1, 2, 3], head_dim: 32, groups: 8, fusion: "easy" };
const pipeline = { model: { use: "cmmd-unet", options }, diffusion: { predict: "v" }, train: { optimizer } };

const normal = (purpose, size) => ({ shape: size, data: stream(7, purpose).normal(size.reduce((a, b) => a * b, 1)) });
const scalar = (value) => ({ shape: [], data: Float32Array.of(value) });
const steps = { shape: [batch], data: Float32Array.from({ length: batch }, (_, i) => 1 + 100 * i) };
const pair = {
  video: normal("video", [batch, ...shape.video]),
  audio: normal("audio", [batch, ...shape.audio]),
};
const noise = {
  video: normal("video noise", [batch, ...shape.video]),
  audio: normal("audio noise", [batch, ...shape.audio]),
};
const initial = model.initialise(options, shape, (name) => stream(7, name));

/** Multiplications and additions of a graph's matrix products and convolutions. */
function flops(graph) {
  const inner = {
    Gemm: ({ inputs, attributes }) => inputs[0].shape[attributes.transA === 1 ? 0 : 1],
    MatMul: ({ inputs }) => inputs[0].shape.at(-1),
    FusedMatMul: ({ inputs, attributes }) => inputs[0].shape.at(attributes.transA === 1 ? -2 : -1),
    Conv: ({ inputs }) => inputs[1].size / inputs[1].shape[0],
  };
  return graph.nodes.reduce((sum, node) => sum + 2 * (inner[node.op]?.(node) ?? 0) * node.outputs[0].size, 0);
}

async function measure(bench, program, args, next) {
  const graph = program.lower(...args);
  const opening = performance.now();
  let current = next(args, await program(...args));
  const opened = (performance.now() - opening) / 1000;
  const seconds = [];
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    const result = await program(...current);
    seconds.push((performance.now() - start) / 1000);
    current = next(current, result);
  }
  seconds.sort((a, b) => a - b);
  const work = flops(graph);
  const round = (value) => Number(value.toPrecision(4));
  console.log(
    JSON.stringify({
      bench,
      ours: round(seconds[0]),
      median: round(seconds[seconds.length >> 1]),
      open: round(opened),
      nodes: graph.nodes.length,
      gflop: round(work / 1e9),
      gflops: round(work / 1e9 / seconds[0]),
      device: flags.device,
      batch,
      channels,
    }),
  );
  await program.dispose();
}

const layout = layoutOf(initial);
const parameters = flatten(initial, layout);
const vector = (data) => ({ shape: [data.length], data });
const zeros = () => vector(new Float32Array(parameters.length));
const used = { use: "diffusion", options: { weights: { video: 1, audio: 1 } } };
const losses = [{ name: "diffusion", used, body: diffusionLoss }];
const alphaBar = { shape: [batch], data: steps.data.map((n) => Math.cos(((n / 1000) * Math.PI) / 2) ** 2) };
const scalars = Object.fromEntries(
  Object.entries(stepScalars(optimizer, 0.99, 0)).map(([name, value]) => [name, scalar(value)]),
);
await measure(
  "train step",
  trainingProgram(pipeline, flags.device, model, layout, losses),
  [
    { parameters: vector(parameters), first: zeros(), second: zeros(), ema: vector(parameters.slice()) },
    { ...pair, videoNoise: noise.video, audioNoise: noise.audio, n: steps, alphaBar },
    {},
    scalars,
  ],
  ([, ...rest], { state }) => [state, ...rest],
);

const guidance = { used: { use: "reconstruction", options: { weight: 1 } }, body: reconstruction, known: "video" };
await measure(
  "guided evaluation",
  samplingProgram(pipeline, flags.device, model, guidance),
  [initial, { ...noise, n: steps, alphaBar: scalar(0.5), known: { x0: pair.video, noise: noise.video } }],
  (args) => args,
);
