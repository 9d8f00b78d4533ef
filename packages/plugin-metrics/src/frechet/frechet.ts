import { symmetricEigenvalues } from "./symmetric-eigenvalues.js";

/** Observations [count, dimensions], row-major. */
export interface Observations {
  readonly count: number;
  readonly dimensions: number;
  readonly data: Float64Array | Float32Array;
}

/**
 * Frechet distance of the Gaussians fitted to `x` and `y` (covariance divisor n - 1; Dowson and Landau 1982):
 *
 *     |mu1 - mu2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)
 *
 * Throws a `RangeError` with fewer than two observations, unequal dimensions, or values that are not finite.
 */
export function frechetDistance(x: Observations, y: Observations): number {
  if (x.dimensions !== y.dimensions)
    throw new RangeError(`cannot compare observations of ${x.dimensions} and of ${y.dimensions} dimensions`);
  const a = fit(x);
  const b = fit(y);
  let distance = a.trace + b.trace;
  for (let i = 0; i < x.dimensions; i++) distance += (a.mean[i]! - b.mean[i]!) ** 2;
  const rootTrace = Math.min(a.rank, b.rank) < x.dimensions ? nuclear(a, b) : eigen(a, b);
  return distance - 2 * rootTrace;
}

interface Fit {
  readonly dimensions: number;
  readonly mean: Float64Array;
  /** Rows of `contrasts`: count - 1. */
  readonly rank: number;
  /** [rank, dimensions] with contrasts^T contrasts = S. */
  readonly contrasts: Float64Array;
  /** tr S */
  readonly trace: number;
}

/**
 * Helmert contrasts instead of centred rows: one row fewer for the same scatter matrix, so that the Gram form has no
 * eigenvalue that is zero by construction, whose square root would only be rounding noise.
 */
function fit({ count, dimensions, data }: Observations): Fit {
  if (count < 2) throw new RangeError(`a Gaussian needs at least 2 observations, not ${count}`);
  const mean = new Float64Array(dimensions);
  const contrasts = new Float64Array((count - 1) * dimensions);
  let trace = 0;
  for (let j = 0; j < dimensions; j++) mean[j] = data[j]!;
  for (let k = 1; k < count; k++) {
    const scale = Math.sqrt(k / (k + 1) / (count - 1));
    for (let j = 0; j < dimensions; j++) {
      const difference = data[k * dimensions + j]! - mean[j]!;
      const contrast = scale * difference;
      contrasts[(k - 1) * dimensions + j] = contrast;
      trace += contrast * contrast;
      mean[j] = mean[j]! + difference / (k + 1);
    }
  }
  if (!Number.isFinite(trace)) throw new RangeError("the observations are not finite");
  return { dimensions, mean, rank: count - 1, contrasts, trace };
}

/** tr (S1 S2)^(1/2) = |X Y^T|_*, the sum of singular values; exact and cheap when one side has few observations. */
function nuclear(a: Fit, b: Fit): number {
  const [few, many] = a.rank <= b.rank ? [a, b] : [b, a];
  const size = few.rank;
  const d = few.dimensions;
  const gram = new Float64Array(size * size);
  const column = new Float64Array(size);
  for (let m = 0; m < many.rank; m++) {
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += few.contrasts[i * d + k]! * many.contrasts[m * d + k]!;
      column[i] = sum;
    }
    for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) gram[i * size + j]! += column[i]! * column[j]!;
  }
  mirror(gram, size);
  return sumOfRoots(symmetricEigenvalues(gram, size));
}

/** tr (S1 S2)^(1/2) from the eigenvalues of L^T S2 L, S1 = L L^T. */
function eigen(a: Fit, b: Fit): number {
  const d = a.dimensions;
  const l = cholesky(covariance(a), d);
  const s = covariance(b);
  const sl = new Float64Array(d * d);
  for (let i = 0; i < d; i++)
    for (let k = 0; k < d; k++) {
      const value = s[i * d + k]!;
      for (let j = 0; j <= k; j++) sl[i * d + j]! += value * l[k * d + j]!;
    }
  const product = new Float64Array(d * d);
  for (let k = 0; k < d; k++)
    for (let i = 0; i <= k; i++) {
      const value = l[k * d + i]!;
      if (value !== 0) for (let j = 0; j <= i; j++) product[i * d + j]! += value * sl[k * d + j]!;
    }
  mirror(product, d);
  return sumOfRoots(symmetricEigenvalues(product, d));
}

function covariance({ contrasts, rank, dimensions: d }: Fit): Float64Array {
  const s = new Float64Array(d * d);
  for (let m = 0; m < rank; m++)
    for (let i = 0; i < d; i++) {
      const value = contrasts[m * d + i]!;
      for (let j = 0; j <= i; j++) s[i * d + j]! += value * contrasts[m * d + j]!;
    }
  mirror(s, d);
  return s;
}

/** Copies the lower triangle to the upper one. */
function mirror(matrix: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) matrix[j * size + i] = matrix[i * size + j]!;
}

/** Lower L with L L^T = S; a direction without variance (a band that is always silent) gives a zero column. */
function cholesky(s: Float64Array, size: number): Float64Array {
  const l = new Float64Array(size * size);
  for (let j = 0; j < size; j++) {
    let pivot = s[j * size + j]!;
    for (let k = 0; k < j; k++) pivot -= l[j * size + k]! ** 2;
    if (pivot <= size * Number.EPSILON * s[j * size + j]!) continue;
    const root = Math.sqrt(pivot);
    l[j * size + j] = root;
    for (let i = j + 1; i < size; i++) {
      let sum = s[i * size + j]!;
      for (let k = 0; k < j; k++) sum -= l[i * size + k]! * l[j * size + k]!;
      l[i * size + j] = sum / root;
    }
  }
  return l;
}

/** Sum of square roots, what is rounding noise beside the largest taken as zero. */
function sumOfRoots(values: Float64Array): number {
  const noise = values.length * Number.EPSILON * values.reduce((a, b) => Math.max(a, b), 0);
  return values.reduce((sum, value) => (value > noise ? sum + Math.sqrt(value) : sum), 0);
}
