import { stream } from "@cmmd/core";
import { type Eigen, symmetricEigen, withSign } from "./eigen.js";

/** Up to this size Jacobi rotations take some two seconds, and give every eigenvector to the last bits. */
const jacobiSize = 256;
/** Directions iterated beyond those that are wanted: the gap to the first left out decides how fast it converges. */
const spare = 16;
const mostIterations = 500;
/** Of the largest eigenvalue: the change of every wanted eigenvalue at which the iteration ends. */
const tolerance = 1e-13;

/**
 * The `count` largest eigenvalues of a symmetric, positive semi-definite matrix [n, n] and their vectors, by subspace iteration with
 * Rayleigh-Ritz (Golub and Van Loan, section 8.2.4); all of them by Jacobi rotations where that is no more work.
 */
export function leadingEigen(matrix: Float64Array, n: number, count: number): Eigen {
  const width = count + spare;
  if (n <= jacobiSize || 2 * width > n) {
    const { values, vectors } = symmetricEigen(matrix, n);
    return { values: values.slice(0, count), vectors: vectors.slice(0, count * n) };
  }
  let basis = Float64Array.from(stream(0, "subspace iteration").normal(width * n));
  let values = new Float64Array(width);
  for (let iteration = 0; iteration < mostIterations; iteration++) {
    orthonormalise(basis, width, n);
    const product = multiply(basis, matrix, width, n);
    const small = gram(basis, product, width, n);
    const ritz = symmetricEigen(small, width);
    const before = values;
    values = ritz.values.slice();
    const change = Math.max(...values.subarray(0, count).map((value, i) => Math.abs(value - before[i]!)));
    const done = change <= tolerance * Math.abs(values[0]!);
    basis = combine(ritz.vectors, done ? basis : product, width, n);
    if (done) break;
  }
  const vectors = new Float64Array(count * n);
  for (let i = 0; i < count; i++) vectors.set(withSign(basis.subarray(i * n, (i + 1) * n)), i * n);
  return { values: values.slice(0, count), vectors };
}

/** Modified Gram-Schmidt on the rows, twice, which is enough for rounding. */
function orthonormalise(rows: Float64Array, count: number, n: number): void {
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * n, (i + 1) * n);
    for (let pass = 0; pass < 2; pass++)
      for (let j = 0; j < i; j++) {
        const other = rows.subarray(j * n, (j + 1) * n);
        const along = dot(row, other);
        for (let k = 0; k < n; k++) row[k]! -= along * other[k]!;
      }
    const length = Math.sqrt(dot(row, row)) || 1;
    for (let k = 0; k < n; k++) row[k]! /= length;
  }
}

/** Rows of `rows` times the symmetric `matrix`. */
function multiply(rows: Float64Array, matrix: Float64Array, count: number, n: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(count * n);
  for (let i = 0; i < count; i++) {
    const target = out.subarray(i * n, (i + 1) * n);
    for (let k = 0; k < n; k++) {
      const factor = rows[i * n + k]!;
      const row = matrix.subarray(k * n, (k + 1) * n);
      for (let j = 0; j < n; j++) target[j]! += factor * row[j]!;
    }
  }
  return out;
}

/** The symmetric matrix of the products of every row of `a` with every row of `b`. */
function gram(a: Float64Array, b: Float64Array, count: number, n: number): Float64Array {
  const out = new Float64Array(count * count);
  for (let i = 0; i < count; i++)
    for (let j = i; j < count; j++) {
      const value = dot(a.subarray(i * n, (i + 1) * n), b.subarray(j * n, (j + 1) * n));
      out[i * count + j] = value;
      out[j * count + i] = value;
    }
  return out;
}

/** `weights` [count, count] times `rows` [count, n]. */
function combine(weights: Float64Array, rows: Float64Array, count: number, n: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(count * n);
  for (let i = 0; i < count; i++)
    for (let j = 0; j < count; j++) {
      const weight = weights[i * count + j]!;
      for (let k = 0; k < n; k++) out[i * n + k]! += weight * rows[j * n + k]!;
    }
  return out;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
