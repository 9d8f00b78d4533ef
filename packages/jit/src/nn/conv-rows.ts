import type { Builder } from "../ir/builder.js";
import { sizeOf, type Value } from "../ir/graph.js";
import { takeRows } from "../trace/kernels/movement.js";
import { type Geometry, inputOfOutput, outputOfInput } from "./geometry.js";
import type { Tiling } from "./tiling.js";
import { winograd, winogradFilterGradient, winogradInputGradient } from "./winograd.js";

/*
 * Convolutions by rows: some neighbouring positions of the last axis, with all channels of a group, are one row of a matrix. A window of
 * k positions at stride s then is a few rows instead of k positions, and several outputs share it: the filter becomes a band matrix
 * [rows inputs channels, outputs channels], shifted by the stride from output to output. A transposed convolution whose kernel is twice its
 * stride is two rows of all its phases at once.
 */

/** How a convolution is cut into rows. */
export interface Rows {
  /** Positions of the last axis in a row of x, and in one of the result. */
  readonly inputs: number;
  readonly outputs: number;
  /** Position of the last axis of x where its rows begin; before 0 are zeros. */
  readonly first: number;
  /** The convolution, with rows in place of the positions of its last axis. */
  readonly by: Geometry;
  /** The convolution itself. */
  readonly of: Geometry;
  /** Tiles of rows, of `by` or of what transposes it. Only without groups. */
  readonly tiling?: Tiling | undefined;
}

const last = (values: readonly number[]) => values.at(-1)!;
const withLast = (values: readonly number[], value: number) => [...values.slice(0, -1), value];

/** A convolution by rows of `outputs` positions of its result. One that is dilated along the last axis has rows of one position. */
export function rowsOf(of: Geometry, outputs: number): Rows {
  if (last(of.dilations) > 1) return { inputs: 1, outputs: 1, first: 0, by: of, of };
  const stride = last(of.strides);
  const inputs = stride * outputs;
  const kernel = Math.ceil(((outputs - 1) * stride + last(of.kernel)) / inputs);
  const count = Math.ceil(last(of.output) / outputs);
  const by = {
    input: withLast(of.input, count + kernel - 1),
    output: withLast(of.output, count),
    kernel: withLast(of.kernel, kernel),
    strides: withLast(of.strides, 1),
    padsBefore: withLast(of.padsBefore, 0),
    dilations: of.dilations,
    groups: of.groups,
  };
  return { inputs, outputs, first: -last(of.padsBefore), by, of };
}

/** `length` positions of the last spatial axis of x [N, ...spatial, C] from `first` on; zeros where x has none. */
function section(b: Builder, x: Value, first: number, length: number): Value {
  const axis = x.shape.length - 2;
  const size = x.shape[axis]!;
  const [from, to] = [Math.max(first, 0), Math.min(first + length, size)];
  if (to <= from) return b.full(0, [...x.shape.slice(0, axis), length, last(x.shape)], "float32");
  const kept = to - from < size ? b.op("Slice", [x], { starts: [from], ends: [to], axes: [axis], steps: [1] }) : x;
  return padded(b, kept, axis, from - first, first + length - to);
}

function padded(b: Builder, x: Value, axis: number, before: number, after: number): Value {
  if (before + after === 0) return x;
  const pads = Array<number>(2 * x.shape.length).fill(0);
  pads[axis] = before;
  pads[axis + x.shape.length] = after;
  return b.op("Pad", [x], { pads });
}

/** x [N, ...spatial, C] as rows [groups N, rows, positions C / groups] of each group. */
function toRows(b: Builder, x: Value, first: number, rows: number, positions: number, groups: number): Value {
  const taken = section(b, x, first, rows * positions);
  const [batch, channels] = [x.shape[0]!, last(x.shape)];
  const cells = taken.size / (batch * channels);
  const grouped = b.transpose(b.reshape(taken, [batch, cells, groups, channels / groups]), [2, 0, 1, 3]);
  return b.reshape(grouped, [groups * batch, cells / positions, (positions * channels) / groups]);
}

/** The reverse: rows [groups, N rows, positions C / groups] as [N, ...spatial, C], `length` positions of the last axis from `first` on. */
function fromRows(
  b: Builder,
  rows: Value,
  batch: number,
  spatial: readonly number[],
  first: number,
  length: number,
): Value {
  const groups = rows.shape[0]!;
  const perGroup = rows.size / (groups * batch * sizeOf(spatial));
  const split = b.reshape(rows, [groups, batch * sizeOf(spatial), perGroup]);
  const joined = b.reshape(b.transpose(split, [1, 0, 2]), [batch, ...spatial, groups * perGroup]);
  return section(b, joined, first, length);
}

/** A filter [O, C / groups, ...kernel] as band matrices [groups, taps of rows, inputs C / groups, outputs O / groups]. */
function bands(b: Builder, filter: Value, { inputs, outputs, by, of }: Rows): Value {
  const { groups, kernel, strides } = of;
  const [out, perGroup] = filter.shape as [number, number];
  const [size, before] = [last(kernel), sizeOf(kernel.slice(0, -1))];
  const split = b.reshape(filter, [groups, out / groups, perGroup, before, size]);
  const taps = b.transpose(split, [0, 3, 4, 2, 1]);
  const length = last(by.kernel) * inputs;
  const shifted = Array.from({ length: outputs }, (_, i) => {
    const shift = i * last(strides);
    return padded(b, taps, 2, shift, length - shift - size);
  });
  const band = shifted.length === 1 ? shifted[0]! : b.op("Concat", shifted, { axis: 4 });
  return b.reshape(band, [groups, sizeOf(by.kernel), inputs * perGroup, (outputs * out) / groups]);
}

/** The gradient of `bands`, from [groups, outputs O / groups, taps inputs C / groups]: what the shifted copies of each tap got, added up. */
function unband(b: Builder, gradient: Value, { inputs, outputs, by, of }: Rows): Value {
  const { groups, kernel, strides } = of;
  const [size, before, length] = [last(kernel), sizeOf(kernel.slice(0, -1)), last(by.kernel) * inputs];
  const [outPerGroup, perGroup] = [gradient.shape[1]! / outputs, gradient.shape[2]! / (before * length)];
  const shape = [groups, outputs, outPerGroup * before, length, perGroup];
  const split = b.reshape(gradient, shape);
  const copies = outputs === 1 ? [split] : b.ops("Split", [split], { axis: 1, split: Array<number>(outputs).fill(1) });
  const taps = copies
    .map((copy, i) => section(b, b.reshape(copy, shape.toSpliced(1, 1)), i * last(strides), size))
    .reduce((sum, copy) => b.op("Add", [sum, copy]));
  const byTap = b.reshape(taps, [groups * outPerGroup, sizeOf(kernel), perGroup]);
  return b.reshape(b.transpose(byTap, [0, 2, 1]), [groups * outPerGroup, perGroup, ...kernel]);
}

/** [groups, M, K] times [groups, K, L]. */
function product(b: Builder, x: Value, y: Value): Value {
  if (x.shape[0] !== 1) return b.op("MatMul", [x, y]);
  const gemm = b.op("Gemm", [b.reshape(x, x.shape.slice(1)), b.reshape(y, y.shape.slice(1))], { transA: 0, transB: 0 });
  return b.reshape(gemm, [1, ...gemm.shape]);
}

/** The transpose of [groups, M, K] times [groups, M, L]. */
function transposedProduct(b: Builder, x: Value, y: Value): Value {
  if (x.shape[0] !== 1) return b.op("MatMul", [b.transpose(x, [0, 2, 1]), y]);
  const gemm = b.op("Gemm", [b.reshape(x, x.shape.slice(1)), b.reshape(y, y.shape.slice(1))], { transA: 1, transB: 0 });
  return b.reshape(gemm, [1, ...gemm.shape]);
}

/** Rows that each row of the result reads: [groups, N rows, taps numbers]. */
function windows(b: Builder, rows: Value, groups: number, indices: Int32Array, taps: number): Value {
  const [batches, count, numbers] = rows.shape as [number, number, number];
  const consecutive = taps === 1 && indices.length === count && indices.every((index, i) => index === i);
  const taken = consecutive ? rows : takeRows(b, rows, indices);
  return b.reshape(taken, [groups, (batches / groups) * (indices.length / taps), taps * numbers]);
}

const inputRows = (b: Builder, x: Value, { inputs, first, by, of }: Rows) =>
  toRows(b, x, first, last(by.input), inputs, of.groups);

const outputRows = (b: Builder, dy: Value, { outputs, by, of }: Rows) =>
  toRows(b, dy, 0, last(by.output), outputs, of.groups);

/** The bands of a convolution without groups as a filter [taps, C, O] of rows. */
const filterOfRows = (b: Builder, filter: Value, rows: Rows) => {
  const band = bands(b, filter, rows);
  return b.reshape(band, band.shape.slice(1));
};

/** What tiles of rows give [N, ...rows, numbers], as the product of windows and bands gives it. */
const asProduct = (b: Builder, y: Value) => b.reshape(y, [1, y.size / last(y.shape), last(y.shape)]);

/** Convolution of x [N, ...spatial, C] with a filter [O, C / groups, ...kernel]: [N, ...output, O]. */
export function forwardByRows(b: Builder, x: Value, filter: Value, rows: Rows): Value {
  const { by, of, outputs, tiling } = rows;
  const taps = sizeOf(by.kernel);
  const spatial = withLast(of.output, last(by.output) * outputs);
  if (tiling) {
    const y = winograd(b, inputRows(b, x, rows), filterOfRows(b, filter, rows), tiling);
    return fromRows(b, asProduct(b, y), x.shape[0]!, spatial, 0, last(of.output));
  }
  const cells = windows(b, inputRows(b, x, rows), of.groups, inputOfOutput(by), taps);
  const band = bands(b, filter, rows);
  const matrix = b.reshape(band, [of.groups, taps * band.shape[2]!, band.shape[3]!]);
  return fromRows(b, product(b, cells, matrix), x.shape[0]!, spatial, 0, last(of.output));
}

/** Its gradient by x, from dy [N, ...output, O]. */
export function inputGradientByRows(b: Builder, dy: Value, filter: Value, rows: Rows): Value {
  const { by, of, inputs, first, tiling } = rows;
  const taps = sizeOf(by.kernel);
  const spatial = withLast(of.input, last(by.input) * inputs);
  if (tiling) {
    const dx = winogradInputGradient(b, outputRows(b, dy, rows), filterOfRows(b, filter, rows), tiling);
    return fromRows(b, asProduct(b, dx), dy.shape[0]!, spatial, -first, last(of.input));
  }
  const cells = windows(b, outputRows(b, dy, rows), of.groups, outputOfInput(by), taps);
  const band = b.transpose(bands(b, filter, rows), [0, 1, 3, 2]);
  const matrix = b.reshape(band, [of.groups, taps * band.shape[2]!, band.shape[3]!]);
  return fromRows(b, product(b, cells, matrix), dy.shape[0]!, spatial, -first, last(of.input));
}

/** Its gradient by the filter. */
export function filterGradientByRows(b: Builder, x: Value, dy: Value, rows: Rows): Value {
  const { by, of, tiling } = rows;
  if (tiling) {
    const taps = winogradFilterGradient(b, inputRows(b, x, rows), outputRows(b, dy, rows), tiling);
    const [count, width, columns] = taps.shape as [number, number, number];
    return unband(b, b.transpose(b.reshape(taps, [1, count * width, columns]), [0, 2, 1]), rows);
  }
  const cells = windows(b, inputRows(b, x, rows), of.groups, inputOfOutput(by), sizeOf(by.kernel));
  const gradient = outputRows(b, dy, rows);
  const byGroup = b.reshape(gradient, [of.groups, cells.shape[1]!, gradient.size / (of.groups * cells.shape[1]!)]);
  return unband(b, transposedProduct(b, byGroup, cells), rows);
}
