import { readFileSync } from "node:fs";
import { tf } from "@cmmd/jit";
import { beforeAll, describe, expect, it } from "vitest";
import { adam, clipFactor, learningRate, stepScalars, type TrainState } from "./optimizer.js";

const options = { use: "adam", rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, warmup: 0 } as const;

describe("adam", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  it("takes the same steps as TensorFlow.js's own optimizer", () => {
    const start = [0.5, -1, 2, 3];
    const curvature = tf.tensor1d([1, 10, 0.1, 3]);
    const theirs = tf.variable(tf.tensor1d(start));
    const optimizer = tf.train.adam(options.rate, options.beta1, options.beta2, options.epsilon);
    const zeros = tf.zeros([4]);
    let ours = {
      parameters: tf.tensor1d(start) as tf.Tensor,
      first: zeros,
      second: zeros,
      ema: tf.tensor1d(start) as tf.Tensor,
    };
    let ema = [...start];
    for (let step = 0; step < 40; step++) {
      optimizer.minimize(() => theirs.square().mul(curvature).sum() as tf.Scalar);
      const { rate, epsilon, emaRate } = stepScalars(options, 0.9, step);
      const scalars = { rate: tf.scalar(rate), epsilon: tf.scalar(epsilon), emaRate: tf.scalar(emaRate) };
      ours = adam(ours, ours.parameters.mul(curvature).mul(2), scalars, options);
      const values = theirs.dataSync();
      ema = ema.map((value, i) => value * (1 - emaRate) + values[i]! * emaRate);
    }
    const values = theirs.dataSync();
    ours.parameters.dataSync().forEach((value, i) => {
      expect(Math.abs(value - values[i]!)).toBeLessThan(1e-5);
    });
    ours.ema.dataSync().forEach((value, i) => {
      expect(Math.abs(value - ema[i]!)).toBeLessThan(1e-5);
    });
  });
});

interface Reference {
  readonly clip: number;
  readonly decay: number;
  readonly start: Record<string, number[]>;
  readonly gradients: readonly Record<string, number[]>[];
  readonly steps: readonly {
    readonly norm: number;
    readonly parameters: Record<string, number[]>;
    readonly ema: Record<string, number[]>;
  }[];
}

describe("a clipped gradient", () => {
  it("gives the steps of PyTorch's clip_grad_norm_ and Adam, and the moving average of their weights", () => {
    const path = new URL("./fixtures/clipped_adam.json", import.meta.url);
    const { clip, decay, start, gradients, steps } = JSON.parse(readFileSync(path, "utf8")) as Reference;
    let states: Record<string, TrainState<tf.Tensor>> = Object.fromEntries(
      Object.entries(start).map(([name, values]) => {
        const [parameters, zeros] = [tf.tensor1d(values), tf.zeros([values.length])];
        return [name, { parameters, first: zeros, second: zeros, ema: parameters }];
      }),
    );
    for (const [step, { parameters, ema }] of steps.entries()) {
      const grads = Object.entries(gradients[step]!).map(([name, values]) => [name, tf.tensor1d(values)] as const);
      const factor = clipFactor(
        grads.map(([, gradient]) => gradient),
        clip,
      );
      const scalars = stepScalars(options, decay, step);
      const traced = {
        rate: tf.scalar(scalars.rate),
        epsilon: tf.scalar(scalars.epsilon),
        emaRate: tf.scalar(scalars.emaRate),
      };
      states = Object.fromEntries(
        grads.map(([name, gradient]) => [name, adam(states[name]!, gradient.mul(factor), traced, options)]),
      );
      for (const name of Object.keys(start))
        for (const [got, wanted] of [
          [states[name]!.parameters, parameters[name]!],
          [states[name]!.ema, ema[name]!],
        ] as const)
          got.dataSync().forEach((value, i) => {
            expect(Math.abs(value - wanted[i]!)).toBeLessThan(2e-6);
          });
    }
  });
});

describe("learning rate", () => {
  it("follows the paper's decay: x 0.8 every 80,000 steps down to 2e-5 (spec section 7.11)", () => {
    const paper = { ...options, rate: 1e-4, decay: { factor: 0.8, every: 80_000, floor: 2e-5 } };
    expect(learningRate(paper, 0)).toBe(1e-4);
    expect(learningRate(paper, 400_000)).toBeCloseTo(3.2768e-5, 12);
    expect(learningRate(paper, 560_000)).toBeCloseTo(2.097152e-5, 12);
    expect(learningRate(paper, 640_000)).toBe(2e-5);
  });

  it("rises linearly over the warm-up", () => {
    const warm = { ...options, warmup: 10 };
    expect(learningRate(warm, 0)).toBeCloseTo(options.rate / 10, 12);
    expect(learningRate(warm, 4)).toBeCloseTo(options.rate / 2, 12);
    expect(learningRate(warm, 20)).toBe(options.rate);
  });
});
