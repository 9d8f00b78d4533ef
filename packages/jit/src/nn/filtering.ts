/*
 * Winograd's minimal filtering F(m, r) (Lavin and Gray 2016): y = A'[(G g) . (B' d)] for tiles of m outputs, which read m + r - 1 inputs by
 * r taps.
 */

export type Matrix = readonly (readonly number[])[];

/** The filtering along one axis: m outputs of a tile that reads `inputs` inputs by `taps` taps. */
export interface Filtering {
  readonly outputs: number;
  readonly inputs: number;
  readonly taps: number;
  /** Rounding error of float32, relative to that of direct summation. */
  readonly error: number;
  /** [inputs, outputs] */
  readonly a: Matrix;
  /** [inputs, taps] */
  readonly g: Matrix;
  /** [inputs, inputs] */
  readonly bTransposed: Matrix;
}

/** Coefficients of the product of (x - root), the constant first. */
const polynomial = (roots: readonly number[]) =>
  roots.reduce<number[]>(
    (p, root) => Array.from({ length: p.length + 1 }, (_, i) => (p[i - 1] ?? 0) - root * (p[i] ?? 0)),
    [1],
  );
const powers = (x: number, count: number) => Array.from({ length: count }, (_, i) => x ** i);
const last = (count: number) => Array.from({ length: count }, (_, i) => (i === count - 1 ? 1 : 0));

/** Points of interpolation, and the error that comes of them over one axis (root mean square of random sums). */
interface Points {
  readonly at: readonly number[];
  readonly error: number;
}

/** By interpolation at points and infinity (Toom and Cook). */
function filtering(taps: number, { at: points, error }: Points): Filtering {
  const inputs = points.length + 1;
  const outputs = inputs - taps + 1;
  const others = (j: number) => points.filter((_, k) => k !== j);
  const scale = (j: number) => others(j).reduce((product, q) => product * (points[j]! - q), 1);
  return {
    outputs,
    inputs,
    taps,
    error,
    a: [...points.map((p) => powers(p, outputs)), last(outputs)],
    g: [...points.map((p, j) => powers(p, taps).map((x) => x / scale(j))), last(taps)],
    bTransposed: [...points.map((_, j) => [...polynomial(others(j)), 0]), polynomial(points)],
  };
}

const few: Points = { at: [0, 1, -1], error: 1.3 };
/** With the usual points 0, +-1, +-2 the error is twice as large. */
const more: Points = { at: [0, Math.SQRT1_2, -Math.SQRT1_2, Math.SQRT2, -Math.SQRT2], error: 2.3 };
const most: Points = { at: [0, 1, -1, 2, -2, 0.5, -0.5], error: 4.6 };

/** An axis without taps: every position by itself. */
const untouched: Filtering = { outputs: 1, inputs: 1, taps: 1, error: 1, a: [[1]], g: [[1]], bTransposed: [[1]] };

/** What the axes of a kernel can be filtered by, the most exact first: one or two axes with taps, tiles of at least two outputs along each. */
export function filteringsOf(kernel: readonly number[]): readonly (readonly Filtering[])[] {
  const along = kernel.filter((size) => size > 1);
  const points = along.length === 1 ? [few, more, most] : along.length === 2 ? [few, more] : [];
  return points
    .filter(({ at }) => along.every((taps) => at.length - taps >= 0))
    .map((one) => kernel.map((taps) => (taps === 1 ? untouched : filtering(taps, one))));
}
