import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type LossBody, type Network, parametrisations, type TrainingBatch } from "@cmmd/core";
import { tf, valueAndGrad } from "@cmmd/jit";
import { beforeAll, describe, expect, it } from "vitest";
import { body as cdcd } from "./cdcd.js";
import { body as contrastive } from "./contrastive.js";
import { body as diffusion } from "./diffusion.js";
import type { Weighting } from "./options.js";

interface Case {
  readonly loss: keyof typeof bodies;
  readonly predict: keyof typeof parametrisations;
  readonly weighting: Weighting;
  readonly value: number;
  readonly gradients: readonly number[];
}

const bodies = { diffusion, contrastive, cdcd } as const;
const cases = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/losses.json"), "utf8")) as Case[];

const parameters = [0.5, 0.8, -0.3, 0.7, 0.25];
const eta = 0.1;
const own = { weights: { video: 0.3, audio: 2 }, eta, batch: 2, runaway: 25 };
const options = {
  diffusion: own,
  contrastive: { ...own, negatives: { audio: [{ use: "any" }], video: [{ use: "any" }] } },
  cdcd: { ...own, modality: "audio", count: 2, negatives: [{ use: "any" }] },
};

function wave(seed: number, batch: number, shape: readonly number[]): tf.Tensor {
  const size = batch * shape.reduce((a, b) => a * b);
  const value = (i: number) => 1.2 * Math.sin(1.3 * i + 0.7 * seed + 0.01 * i * seed);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => value(i)),
    [batch, ...shape],
  );
}
const [video, audio] = [
  [3, 1, 1, 2],
  [4, 2],
];

/** The batch and the drawn negatives of bench/reference/losses.py. */
function inputs() {
  const batch: TrainingBatch = {
    video: wave(1, 3, video!) as tf.Tensor5D,
    audio: wave(2, 3, audio!) as tf.Tensor3D,
    noise: { video: wave(3, 3, video!), audio: wave(4, 3, audio!) },
    n: tf.tensor1d([1, 2, 3]),
    alphaBar: tf.tensor1d([0.95, 0.4, 0.03]),
  };
  const first = (x: tf.Tensor) => tf.slice(x, [0], [2]);
  const sounds = { data: wave(6, 4, audio!), noise: wave(8, 4, audio!) };
  const drawn = {
    diffusion: {},
    contrastive: {
      audio: first(sounds.data),
      "audio noise": first(sounds.noise),
      video: first(wave(5, 4, video!)),
      "video noise": first(wave(7, 4, video!)),
    },
    cdcd: sounds,
  };
  return { batch, drawn };
}

const mixing =
  (p: readonly tf.Tensor[]): Network =>
  (v, a, n) => {
    const other = tf.mean(a, [1, 2]).reshape([-1, 1, 1, 1, 1]);
    const mine = tf.mean(v, [1, 2, 3, 4]).reshape([-1, 1, 1]);
    return {
      video: tf.tanh(tf.add(tf.mul(v, p[0]!), tf.mul(other, p[1]!))) as tf.Tensor5D,
      audio: tf.addN([
        tf.mul(a, p[2]!),
        tf.mul(tf.mul(mine, p[3]!), tf.onesLike(a)),
        tf.mul(tf.mul(n.reshape([-1, 1, 1]), p[4]!), tf.onesLike(a)),
      ]) as tf.Tensor3D,
    };
  };

beforeAll(async () => {
  await tf.setBackend("cpu");
});

// Fixtures: bench/reference/losses.py, float64, where every loss is a weighted error of x0.
describe.each(["diffusion", "contrastive", "cdcd"] as const)("the loss %s against PyTorch", (loss) => {
  it.each(cases.filter((one) => one.loss === loss))("predicting $predict, weighting $weighting", (one) => {
    const { batch, drawn } = inputs();
    const body = bodies[loss] as LossBody<unknown>;
    const { value, grads } = valueAndGrad(
      (p: readonly tf.Tensor[]) => {
        const chosen = { ...options[loss], weighting: one.weighting };
        const result = body.value(chosen, batch, drawn[loss], mixing(p), parametrisations[one.predict]);
        return { value: result.loss };
      },
      parameters.map((x) => tf.scalar(x)),
    );
    const off = (got: number, expected: number) => Math.abs(got - expected) / Math.max(1, Math.abs(expected));
    const differences = [
      off(value.dataSync()[0]!, one.value),
      ...one.gradients.map((expected, i) => off(grads[i]!.dataSync()[0]!, expected)),
    ];
    if (process.env.CMMD_TEST_PRINT) console.log(Math.max(...differences).toExponential(1));
    expect(Math.max(...differences)).toBeLessThan(1e-5);
  });
});

describe("runaway", () => {
  it("names the reason, and is silent in training that goes well", () => {
    const chosen = options.contrastive as never;
    expect(contrastive.runaway!(chosen, { negative: 0.8, relative: 0.9, loss: 0.7 }, 10)).toBeUndefined();
    expect(contrastive.runaway!(chosen, { negative: 80, relative: 40, loss: 0.7 }, 10)).toContain("40.0 times");
    expect(contrastive.runaway!(chosen, { negative: 80, relative: 2, loss: -0.1 }, 10)).toContain("below zero");
  });
});
