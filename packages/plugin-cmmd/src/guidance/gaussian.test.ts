import { type Arrays, cosineSchedule, type Network, type Pair, parametrisations, stream } from "@cmmd/core";
import { tf } from "@cmmd/jit";
import { beforeAll, describe, expect, it } from "vitest";
import { body as ddim } from "../samplers/ddim.js";
import { reconstruction, replacement } from "./reconstruction.js";

const schedule = cosineSchedule(1000);
const count = 3000;
const observed = 1.5;

/** The exact network for a joint Gaussian of unit variances and correlation `rho`: v = (s x_n - E[x0 | x_n]) / r. */
function exactNetwork(alphaBar: number, rho: number): Network {
  const s = Math.sqrt(alphaBar);
  const r2 = 1 - alphaBar;
  // E[x0 | x_n] = s C (s^2 C + r^2 I)^-1 x_n, in the eigenbasis (1, 1), (1, -1) of C.
  const plus = (s * (1 + rho)) / (alphaBar * (1 + rho) + r2);
  const minus = (s * (1 - rho)) / (alphaBar * (1 - rho) + r2);
  return (video, audio) => {
    const a = audio.reshape(video.shape) as tf.Tensor5D;
    const sum = tf.mul(tf.add(video, a), plus / 2);
    const difference = tf.mul(tf.sub(video, a), minus / 2);
    const v = (x: tf.Tensor, x0: tf.Tensor) => tf.div(tf.sub(tf.mul(x, s), x0), Math.sqrt(r2));
    return {
      video: v(video, tf.add(sum, difference)) as tf.Tensor5D,
      audio: v(a, tf.sub(sum, difference)).reshape(audio.shape) as tf.Tensor3D,
    };
  };
}

/** The same pair as two frames of the video; the sound is nothing to it. */
const asFrames =
  (network: Network): Network =>
  (video, audio, n) => {
    const [first, second] = tf.split(video, 2, 1) as [tf.Tensor5D, tf.Tensor5D];
    const v = network(first, second.reshape(audio.shape), n);
    return { video: tf.concat([v.video, v.audio.reshape(first.shape)], 1), audio: tf.zerosLike(audio) };
  };

const interleaved = (first: Float32Array, second: Float32Array) =>
  Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? first : second)[i >> 1]!);

/** Samples of the second of the pair given the first: the sound given the picture, or the second frame given the first. */
async function sample(rho: number, predict: typeof replacement.predict, frames: 1 | 2) {
  const normal = (purpose: string) => stream(3, purpose).normal(count);
  const [first, second] = [normal("video"), normal("audio")];
  const start: Arrays = { video: frames === 1 ? first : interleaved(first, second), audio: second };
  const condition = frames === 1 ? normal("condition") : interleaved(normal("condition"), new Float32Array(count));
  const { video, audio } = await ddim.sample(
    { steps: 200, eta: 0 },
    async (x, n) => {
      const result = tf.tidy(() => {
        const video = (data: Float32Array) => tf.tensor(data, [count, frames, 1, 1, 1]);
        const given = { x0: video(new Float32Array(count * frames).fill(observed)), noise: video(condition) };
        const mask = tf.tile(tf.tensor([1, 0], [1, 2, 1, 1, 1]), [count, 1, 1, 1, 1]);
        const known = { video: frames === 1 ? given : { ...given, mask } };
        const alphaBar = schedule.alphaBar(n);
        const network = exactNetwork(alphaBar, rho);
        const guided = predict({}, frames === 1 ? network : asFrames(network), parametrisations.v, {
          x: { video: video(x.video), audio: tf.tensor(x.audio, [count, 1, 1]) },
          n: tf.fill([count], n),
          alphaBar: tf.scalar(alphaBar),
          known,
        });
        const read = (pair: Pair<tf.Tensor>): Arrays => ({
          video: pair.video.dataSync() as Float32Array,
          audio: pair.audio.dataSync() as Float32Array,
        });
        return { x0: read(guided.x0), eps: read(guided.eps) } as never;
      });
      return result as { x0: Arrays; eps: Arrays };
    },
    start,
    { schedule, noise: () => start, evaluated: () => {}, signal: new AbortController().signal },
  );
  const made = frames === 1 ? audio : video.filter((_, i) => i % 2 === 1);
  const mean = made.reduce((a, b) => a + b, 0) / count;
  const std = Math.sqrt(made.reduce((a, b) => a + (b - mean) ** 2, 0) / count);
  return { mean, std };
}

type Eps = "implied" | "unguided";
const guided =
  (weight: number, eps: Eps = "implied"): typeof replacement.predict =>
  (_options, ...rest) =>
    reconstruction.predict({ weight, eps }, ...rest);

// Means and deviations of the specification's section 7.2 for v0 = 1.5. The truth is 1.350 and 0.436 for rho 0.9, 0.900 and 0.800 for 0.6.
describe("guidance of the exact network of a joint Gaussian", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  it.each([
    ["replacement", replacement.predict, 0.9, 0.674, 0.717],
    ["reconstruction, weight 0.5", guided(0.5), 0.9, 0.878, 0.578],
    ["reconstruction, weight 1", guided(1), 0.9, 1.054, 0.481],
    ["reconstruction, weight 2", guided(2), 0.9, 1.316, 0.381],
    ["reconstruction, weight 5", guided(5), 0.9, 1.69, 0.534],
    ["reconstruction, weight 2", guided(2), 0.6, 0.81, 0.771],
    ["unguided eps, weight 0.03", guided(0.03, "unguided"), 0.9, 1.22, 0.403],
    ["unguided eps, weight 0.1", guided(0.1, "unguided"), 0.9, 1.724, 0.487],
    ["unguided eps, weight 0.03", guided(0.03, "unguided"), 0.6, 0.746, 0.778],
  ])("%s", async (_name, predict, rho, mean, std) => {
    const got = await sample(rho, predict, 1);
    expect(Math.abs(got.mean - mean)).toBeLessThan(0.05);
    expect(Math.abs(got.std - std)).toBeLessThan(0.03);
  });

  it.each([
    ["replacement", replacement.predict, 0.674, 0.717],
    ["reconstruction, weight 2", guided(2), 1.316, 0.381],
  ])("%s, of a part that a mask leaves open", async (_name, predict, mean, std) => {
    const got = await sample(0.9, predict, 2);
    expect(Math.abs(got.mean - mean)).toBeLessThan(0.05);
    expect(Math.abs(got.std - std)).toBeLessThan(0.03);
  });
});
