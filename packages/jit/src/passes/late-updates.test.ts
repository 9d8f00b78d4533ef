import { expect, it } from "vitest";
import { noise } from "../../test/compare.js";
import { type DeviceTensor, jit, type tf, valueAndGrad } from "../index.js";
import { inPlace } from "./in-place.js";
import { lateUpdates } from "./late-updates.js";

interface Weights<T> {
  readonly first: T;
  readonly second: T;
  readonly third: T;
}

/** Gradient descent: the gradient by the first layer needs the other two after their own gradients are known. */
const step = (weights: Weights<tf.Tensor>, x: tf.Tensor, rate: tf.Tensor) => {
  const { value, grads } = valueAndGrad((w: Weights<tf.Tensor>) => {
    const hidden = x.matMul(w.first).sigmoid().matMul(w.second).sigmoid().matMul(w.third);
    return { value: hidden.square().mean() };
  }, weights);
  const updated = (name: keyof Weights<unknown>) => weights[name].sub(grads[name].mul(rate));
  return { weights: { first: updated("first"), second: updated("second"), third: updated("third") }, value };
};
const weights = { first: noise([6, 8], 1), second: noise([8, 8], 2), third: noise([8, 4], 3) };
const [x, rate] = [noise([5, 6], 4), { shape: [], data: Float32Array.of(0.3) }];

it("weights are written over themselves once the backward pass has read them", () => {
  const graph = jit(step).lower(weights, x, rate);
  const donated = new Set([0, 1, 2]);
  expect(inPlace(graph, donated).slice(0, 3)).toEqual([0, undefined, undefined]);
  const late = lateUpdates(graph, donated);
  expect(inPlace(late, donated)).toEqual([0, 1, 2, undefined]);
  const position = (op: string) => late.nodes.findLastIndex((node) => node.op === op);
  // In front of it: the last product of the backward pass, which reads the weights. Behind: updates alone.
  expect(late.nodes.slice(position("Barrier")).map(({ op }) => op)).not.toContain("Sigmoid");
  expect(lateUpdates(graph, new Set())).toBe(graph);
});

it("weights are left alone where one thing that reads them does not wait for the others", () => {
  const reading = (w: Weights<tf.Tensor>, x: tf.Tensor, rate: tf.Tensor) => ({
    ...step(w, x, rate),
    other: w.second.transpose().mul(2).matMul(w.second),
  });
  const graph = jit(reading).lower(weights, x, rate);
  const donated = new Set([0, 1, 2]);
  expect(inPlace(lateUpdates(graph, donated), donated)).toEqual([0, undefined, 2, undefined, undefined]);
});

it("have the values of steps that donate nothing, step by step, in the same memory", async () => {
  const [plain, donating] = [jit(step), jit(step, { donate: [0] })];
  let expected: Weights<DeviceTensor> = (await plain(weights, x, rate)).weights;
  let got: Weights<DeviceTensor> = (await donating(weights, x, rate)).weights;
  const memory = () => Object.values(got).map(({ tensor }: DeviceTensor) => (tensor.data as Float32Array).buffer);
  const before = memory();
  for (let i = 0; i < 5; i++) {
    expected = (await plain(expected, x, rate)).weights;
    got = (await donating(got, x, rate)).weights;
    memory().forEach((buffer, j) => {
      expect(buffer).toBe(before[j]);
    });
    for (const name of ["first", "second", "third"] as const)
      expect(await got[name].read()).toEqual(await expected[name].read());
  }
});
