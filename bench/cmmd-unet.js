/**
 * cmmd's side of the comparisons with PyTorch: the networks, the formula's weights and inputs (spec: every element a hash of its
 * place), and the programs that are measured. Built packages only.
 */

import { parametrisations } from "../packages/core/dist/diffusion/parametrisation.js";
import { layoutOf, pack, parametersOf, startOf } from "../packages/core/dist/train/buckets.js";
import { adam, stepScalars } from "../packages/core/dist/train/optimizer.js";
import { gradOf, jit, tf, valueAndGrad } from "../packages/jit/dist/index.js";
import { body as diffusionLoss } from "../packages/plugin-cmmd/dist/losses/diffusion.js";
import { apply } from "../packages/plugin-cmmd/dist/unet/network.js";
import { parameters } from "../packages/plugin-cmmd/dist/unet/parameters.js";

const audioBins = 80;
const alphaBar = 0.8;
const optimizer = { rate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, warmup: 1 };
const product = (shape) => shape.reduce((a, b) => a * b, 1);
const scalar = (value) => ({ shape: [], data: Float32Array.of(value) });

/** Configurations by name: the paper's network of 105,840,212 parameters, and the one of pipelines/demo.yaml. */
export const networks = {
  paper: { channels: 128, multipliers: [1, 2, 3, 4], head_dim: 64, groups: 32, videoChannels: 4, batch: 1 },
  demo: { channels: 32, multipliers: [1, 2, 3], head_dim: 32, groups: 8, videoChannels: 8, batch: 8 },
};

/** Options of the model `cmmd-unet`. */
export const optionsOf = ({ channels, multipliers, head_dim, groups }) => ({
  channels,
  multipliers,
  head_dim,
  groups,
  fusion: "easy",
});

/** Names and shapes of the network's parameters in their order. */
export const parameterList = (network) =>
  parameters(optionsOf(network), { video: [18, 16, 16, network.videoChannels], audio: [112, audioBins] });

/** The parameter of this index: the hash of the specification's section 2. */
function formula(index, name, shape) {
  const data = new Float32Array(product(shape));
  const fan = 1 / Math.sqrt(data.length / shape[0]);
  const [offset, factor] = shape.length > 1 ? [0, fan] : [/(n1|n2|norm|_out\.0)\.weight$/.test(name) ? 1 : 0, 0.1];
  const seed = Math.imul(index + 1, 0x85ebca77);
  for (let i = 0; i < data.length; i++) {
    let h = Math.imul(i + 1, 0x9e3779b1) ^ seed;
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
    h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
    h ^= h >>> 15;
    data[i] = offset + factor * ((h >>> 0) / 2 ** 31 - 1);
  }
  return data;
}

/** All weights by name. */
export const formulaWeights = (network) =>
  Object.fromEntries(
    parameterList(network).map(({ name, shape }, i) => [name, { shape, data: formula(i, name, shape) }]),
  );

/** f(row-major index in channels-first order) as a channels-last tensor. */
function channelsLast([b, ...rest], f) {
  const channels = rest.at(-1);
  const inner = product(rest) / channels;
  const data = new Float32Array(b * inner * channels);
  let i = 0;
  for (let n = 0; n < b; n++)
    for (let c = 0; c < channels; c++) for (let j = 0; j < inner; j++) data[(n * inner + j) * channels + c] = f(i++);
  return { shape: [b, ...rest], data };
}

/** Video and audio of latents of this height and width, with noise, and a step for every sample of the batch. */
export function formulaInputs({ batch, videoChannels }, size) {
  const video = [batch, 18, size, size, videoChannels];
  const audio = [batch, 112, audioBins];
  return {
    video: channelsLast(video, (i) => Math.sin(0.11 * i + 0.3)),
    audio: channelsLast(audio, (i) => Math.cos(0.07 * i)),
    videoNoise: channelsLast(video, (i) => Math.sin(0.13 * i + 1)),
    audioNoise: channelsLast(audio, (i) => Math.cos(0.09 * i + 2)),
    n: { shape: [batch], data: Float32Array.from({ length: batch }, (_, i) => 123 + 94 * i) },
  };
}

/** Gradient of ||video - x0 estimate of the video||^2 by the audio, through the network: what reconstruction guidance costs. */
function guidance(options) {
  return (p, { video, audio, n, videoNoise }) => {
    const x0 = (wanted) =>
      parametrisations.v.x0(video, apply(p, { video, audio: wanted, n }, options).video, tf.scalar(alphaBar));
    return gradOf((wanted) => ({ value: x0(wanted).squaredDifference(videoNoise).sum() }), audio).grad;
  };
}

/**
 * What is measured, by name: a program with its first arguments, what they become after a call, and the results that must agree with the
 * reference's: the outputs or, in training, the loss. `settings` are further options of jit.
 */
export const figures = {
  forward: (network, inputs, settings = {}) => {
    const options = optionsOf(network);
    return {
      program: jit((p, x) => apply(p, x, options), { name: "forward", freeze: [0], ...settings }),
      args: [formulaWeights(network), { video: inputs.video, audio: inputs.audio, n: inputs.n }],
      next: (args) => args,
      output: ({ video, audio }) => [video, audio],
    };
  },
  guidance: (network, { audioNoise, ...inputs }, settings = {}) => ({
    program: jit(guidance(optionsOf(network)), { name: "guidance", freeze: [0], ...settings }),
    args: [formulaWeights(network), inputs],
    next: (args) => args,
    output: (gradient) => [gradient],
  }),
  training: (network, inputs, settings = {}) => {
    const options = optionsOf(network);
    const weights = formulaWeights(network);
    const layout = layoutOf(weights);
    const step = (state, { videoNoise, audioNoise, alphaBar: alpha, ...x }, scalars) => {
      const batch = { ...x, noise: { video: videoNoise, audio: audioNoise }, alphaBar: alpha };
      const model = (p) => (video, audio, n) => apply(p, { video, audio, n }, options);
      const { value, grads } = valueAndGrad(
        (tensors) => {
          const equal = { weights: { video: 1, audio: 1 }, weighting: "none" };
          const named = parametersOf(tensors, layout);
          return { value: diffusionLoss.value(equal, batch, {}, model(named), parametrisations.v).loss };
        },
        state.map((bucket) => bucket.parameters),
      );
      const next = state.map((bucket, i) => {
        const { ema: _, ...updated } = adam({ ...bucket, ema: bucket.parameters }, grads[i], scalars, optimizer);
        return updated;
      });
      return { state: next, loss: value };
    };
    let steps = 0;
    const scalars = () =>
      Object.fromEntries(Object.entries(stepScalars(optimizer, 0, steps++)).map(([name, x]) => [name, scalar(x)]));
    const alpha = { shape: [network.batch], data: new Float32Array(network.batch).fill(alphaBar) };
    return {
      program: jit(step, { name: "training step", donate: [0], ...settings }),
      args: [
        startOf(pack(weights, layout)).map(({ ema: _, ...bucket }) => bucket),
        { ...inputs, alphaBar: alpha },
        scalars(),
      ],
      next: ([, x], { state }) => [state, x, scalars()],
      output: ({ loss }) => [loss],
    };
  },
};
