import { expect } from "vitest";
import { type HostTensor, tf, valueAndGrad } from "../src/index.js";
import { expectSame, finiteDifferences } from "./compare.js";

type Float = HostTensor & { readonly data: Float32Array };

/** A weighted sum of the result, whose weights differ from element to element, with its gradient by every argument, and the result. */
export const withGradients =
  (f: (...xs: tf.Tensor[]) => tf.Tensor) =>
  (...xs: tf.Tensor[]) =>
    valueAndGrad((xs: tf.Tensor[]) => {
      const y = f(...xs);
      return { value: y.mul(tf.range(0, y.size).add(0.5).sin().reshape(y.shape)).sum(), aux: y };
    }, xs);

/** Expects traced and eager gradients to agree, and the eager ones to equal central differences within `tolerance`. */
export async function expectGradients(
  f: (...xs: tf.Tensor[]) => tf.Tensor,
  args: readonly Float[],
  tolerance = 2e-3,
): Promise<void> {
  const both = withGradients(f);
  await expectSame(both, args, 1e-5);
  const eager = (datas: readonly Float32Array[]) =>
    both(...args.map(({ shape }, i) => tf.tensor(datas[i]!, [...shape])));
  const datas = args.map(({ data }) => data);
  const { grads } = eager(datas);
  for (const [i, gradient] of grads.entries()) {
    const values = gradient.dataSync();
    const value = (data: Float32Array) => eager(datas.map((own, j) => (j === i ? data : own))).value.dataSync()[0]!;
    const differences = finiteDifferences(value, datas[i]!);
    const largest = differences.reduce((most, difference) => Math.max(most, Math.abs(difference)), 1);
    differences.forEach((difference, j) => {
      expect(Math.abs(difference - values[j]!) / largest).toBeLessThan(tolerance);
    });
  }
}
