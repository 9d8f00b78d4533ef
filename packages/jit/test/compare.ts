import { expect } from "vitest";
import { type DeviceTensor, type HostTensor, jit, tf } from "../src/index.js";
import { flattenTree, unflattenTree } from "../src/tree.js";

/** Numbers in (-1, 1) that depend on `seed` alone. */
export function noise(shape: readonly number[], seed = 1): HostTensor & { readonly data: Float32Array } {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * (i + 1) * seed + seed)) };
}

const isHost = (node: unknown): node is HostTensor => typeof node === "object" && node !== null && "data" in node;
const isTensor = (node: unknown): node is tf.Tensor => node instanceof tf.Tensor;
const isDevice = (node: unknown): node is DeviceTensor => typeof node === "object" && node !== null && "read" in node;

/** Host tensors as tfjs tensors of the eager backend. */
function eagerTensors(tree: unknown): unknown {
  const { leaves, structure } = flattenTree(tree, isHost);
  const dtype = (data: HostTensor["data"]) =>
    data instanceof Float32Array ? "float32" : data instanceof Int32Array ? "int32" : "bool";
  return unflattenTree(
    structure,
    leaves.map(({ shape, data }) => tf.tensor(data, [...shape], dtype(data))),
  );
}

/**
 * Runs `fn` as a program on the CPU and eagerly on tfjs's cpu backend, and expects the same results within `tolerance` of the largest
 * absolute value of each. Returns the largest relative difference.
 */
export async function expectSame(
  // biome-ignore lint/suspicious/noExplicitAny: test functions take trees of their own making
  fn: (...args: any[]) => unknown,
  args: readonly unknown[],
  tolerance = 1e-5,
): Promise<number> {
  const program = jit(fn);
  const results = flattenTree(await program(...(args as never[])), isDevice).leaves;
  const expected = flattenTree(fn(...args.map(eagerTensors)), isTensor).leaves;
  expect(results.length).toBe(expected.length);
  let worst = 0;
  for (const [i, result] of results.entries()) {
    const want = expected[i]!;
    expect(result.shape).toEqual(want.shape);
    expect(result.dtype).toBe(want.dtype);
    const got = (await result.read()).data;
    const values = want.dataSync();
    const scale = (values as Float32Array).reduce(
      (most, value) => Math.max(most, Number.isFinite(value) ? Math.abs(value) : 0),
      1e-30,
    );
    const largest = Math.max(1, scale);
    values.forEach((value, j) => {
      if (!Number.isFinite(value)) expect(got[j]).toBe(value);
      else worst = Math.max(worst, Math.abs(got[j]! - value) / largest);
    });
  }
  expect(worst).toBeLessThan(tolerance);
  await program.dispose();
  return worst;
}

/** Central differences of a scalar function by each element of `x`. */
export function finiteDifferences(f: (x: Float32Array) => number, x: Float32Array, step = 1e-2): Float32Array {
  return x.map((_, i) => {
    const moved = (by: number) => f(x.map((value, j) => (j === i ? value + by : value)));
    return (moved(step) - moved(-step)) / (2 * step);
  });
}
