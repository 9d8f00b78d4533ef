import { hashed } from "./formula.js";

/** The norm of a reference tensor and its products with vectors of independent values in [-1, 1). */
export type Probed = readonly [norm: number, ...products: number[]];

const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/**
 * The estimated norm of the difference between values and the reference tensor of this index, and that of their norms if it is larger.
 * Independent values in [-1, 1) have the mean square 1/3.
 */
export function probedError(values: Float32Array, index: number, [expected, ...products]: Probed): number {
  const squares = products.map((product, k) => {
    const probe = hashed(1000 * (k + 1) + index, values.length);
    return (values.reduce((sum, value, i) => sum + value * probe[i]!, 0) - product) ** 2;
  });
  return Math.max(Math.sqrt((3 * squares.reduce((a, b) => a + b)) / squares.length), Math.abs(norm(values) - expected));
}
