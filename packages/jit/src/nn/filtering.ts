/*
 * Winograd's minimal filtering F(m, r) (Lavin and Gray 2016): y = A'[(G g) . (B' d)] for tiles of m outputs, which read m + r - 1 inputs by
 * r taps.
 */

export type Matrix = readonly (readonly number[])[];

/** The filtering along one axis: m outputs of a tile that reads `inputs` inputs by `taps` taps, in `cells` products. */
export interface Filtering {
  readonly outputs: number;
  readonly inputs: number;
  readonly taps: number;
  readonly cells: number;
  /** Inputs before the first that it reads, which are padding. */
  readonly skipped: number;
  /** Rounding error of float32, relative to that of direct summation. */
  readonly error: number;
  /** [cells, outputs] */
  readonly a: Matrix;
  /** [cells, taps] */
  readonly g: Matrix;
  /** [cells, inputs] */
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
    cells: inputs,
    skipped: 0,
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
const untouched: Filtering = {
  outputs: 1,
  inputs: 1,
  taps: 1,
  cells: 1,
  skipped: 0,
  error: 1,
  a: [[1]],
  g: [[1]],
  bTransposed: [[1]],
};

/**
 * All there is of an axis of two positions between padding: y0 = w1 x0 + w2 x1 and y1 = w0 x0 + w1 x1 share w1 (x0 + x1), which leaves
 * (w2 - w1) x1 and (w0 - w1) x0.
 */
const pair: Filtering = {
  outputs: 2,
  inputs: 2,
  taps: 3,
  cells: 3,
  skipped: 1,
  error: 1.4,
  a: [
    [1, 1],
    [1, 0],
    [0, 1],
  ],
  g: [
    [0, 1, 0],
    [0, -1, 1],
    [1, -1, 0],
  ],
  bTransposed: [
    [1, 1],
    [0, 1],
    [1, 0],
  ],
};

/** That by the flipped filter. Where flipping only exchanges products, the filter is transformed as it is, which the one that is not flipped shares. */
export function flipped(one: Filtering): Filtering {
  const g = one.g.map((row) => row.toReversed());
  const order = g.map((row) => one.g.findIndex((other) => other.every((x, i) => x === row[i])));
  if (order.includes(-1)) return { ...one, g };
  return { ...one, a: order.map((i) => one.a[i]!), bTransposed: order.map((i) => one.bTransposed[i]!) };
}

/** What is filtered along one axis. */
export interface Axis {
  readonly taps: number;
  /** Whether it is three taps over two positions and one of padding at each end. */
  readonly paired: boolean;
}

/** What axes can be filtered by, the most exact first: one or two axes with taps, tiles of at least two outputs along each. */
export function filteringsOf(axes: readonly Axis[]): readonly (readonly Filtering[])[] {
  const along = axes.filter(({ taps }) => taps > 1);
  const points = along.length === 1 ? [few, more, most] : along.length === 2 ? [few, more] : [];
  const own = along.filter(({ paired }) => !paired);
  return (own.length === 0 ? points.slice(0, 1) : points)
    .filter(({ at }) => own.every(({ taps }) => at.length - taps >= 0))
    .map((one) => axes.map(({ taps, paired }) => (taps === 1 ? untouched : paired ? pair : filtering(taps, one))));
}
