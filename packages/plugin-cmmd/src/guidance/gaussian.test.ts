import { type Arrays, cosineSchedule, type Network, type Pair, parametrisations, stream } from "@cmmd/core";
import { tf } from "@cmmd/jit";
import { beforeAll, describe, expect, it } from "vitest";
import { body as ddim } from "../samplers/ddim.js";
import { reconstruction, replacement } from "./reconstruction.js";

const schedule = cosineSchedule(1000);
const count = 3000;
const rho = 0.9;
const observed = 1.5;

/** The exact network for a joint Gaussian of unit variances and correlation `rho`: v = (s x_n - E[x0 | x_n]) / r. */
function exactNetwork(alphaBar: number): Network {
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

async function sampleAudio(
  predict: typeof reconstruction.predict,
  weight: number,
): Promise<{ mean: number; std: number }> {
  const normal = (purpose: string) => stream(3, purpose).normal(count);
  const start: Arrays = { video: normal("video"), audio: normal("audio") };
  const condition = normal("condition");
  const { audio } = await ddim.sample(
    { steps: 200, eta: 0 },
    async (x, n) => {
      const result = tf.tidy(() => {
        const video = (data: Float32Array) => tf.tensor(data, [count, 1, 1, 1, 1]);
        const known = {
          modality: "video" as const,
          x0: video(new Float32Array(count).fill(observed)),
          noise: video(condition),
        };
        const alphaBar = schedule.alphaBar(n);
        const guided = predict({ weight }, exactNetwork(alphaBar), parametrisations.v, {
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
  const mean = audio.reduce((a, b) => a + b, 0) / count;
  const std = Math.sqrt(audio.reduce((a, b) => a + (b - mean) ** 2, 0) / count);
  return { mean, std };
}

// Means and deviations of the specification's section 7.2 for rho 0.9 and v0 = 1.5, where the truth is 1.350 and 0.436.
describe("guidance of the exact network of a joint Gaussian", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  it.each([
    ["replacement", 0, 0.674, 0.717],
    ["reconstruction, weight 0.5", 0.5, 0.878, 0.578],
    ["reconstruction, weight 1", 1, 1.054, 0.481],
    ["reconstruction, weight 2", 2, 1.316, 0.381],
    ["reconstruction, weight 5", 5, 1.69, 0.534],
  ])("%s", async (name, weight, mean, std) => {
    const predict: typeof reconstruction.predict =
      name === "replacement" ? (_o, ...rest) => replacement.predict({}, ...rest) : reconstruction.predict;
    const got = await sampleAudio(predict, weight);
    expect(Math.abs(got.mean - mean)).toBeLessThan(0.05);
    expect(Math.abs(got.std - std)).toBeLessThan(0.03);
  });
});
