import type { Builder } from "../ir/builder.js";
import { sizeOf, type Value } from "../ir/graph.js";
import { takeRows } from "../trace/kernels/movement.js";
import { type Geometry, inputOfOutput, isPointwise, outputOfInput } from "./geometry.js";

/** [M, taps * C] patches as [groups, M, taps * C / groups]. */
function byGroup(b: Builder, x: Value, rows: number, taps: number, groups: number): Value {
  const channels = x.size / (rows * taps * groups);
  const split = b.transpose(b.reshape(x, [rows, taps, groups, channels]), [2, 0, 1, 3]);
  return b.reshape(split, [groups, rows, taps * channels]);
}

/** Patches [N * positions, taps * C] of x [N, ...spatial, C]. */
function patches(b: Builder, x: Value, indices: Int32Array, taps: number): Value {
  const channels = x.shape.at(-1)!;
  const batch = x.shape[0]!;
  const rows = takeRows(b, b.reshape(x, [batch, x.size / (batch * channels), channels]), indices);
  return b.reshape(rows, [(batch * indices.length) / taps, taps * channels]);
}

/** Convolution of x [N, ...spatial, C] with a filter [O, C / groups, ...kernel]: [N, ...output, O]. */
export function convForward(b: Builder, x: Value, filter: Value, geometry: Geometry): Value {
  const { kernel, groups } = geometry;
  const [out, perGroup] = filter.shape as [number, number];
  const taps = sizeOf(kernel);
  const shape = [x.shape[0]!, ...geometry.output, out];
  const rows = sizeOf(shape) / out;
  const cells = isPointwise(geometry)
    ? b.reshape(x, [rows, groups * perGroup])
    : patches(b, x, inputOfOutput(geometry), taps);
  const weights = b.reshape(b.transpose(b.reshape(filter, [out, perGroup, taps]), [0, 2, 1]), [out, taps * perGroup]);
  if (groups === 1) return b.reshape(b.op("Gemm", [cells, weights], { transA: 0, transB: 1 }), shape);
  const grouped = b.transpose(b.reshape(weights, [groups, out / groups, taps * perGroup]), [0, 2, 1]);
  const product = b.op("MatMul", [byGroup(b, cells, rows, taps, groups), grouped]);
  return b.reshape(b.transpose(product, [1, 0, 2]), shape);
}

/** Its gradient by x, from dy [N, ...output, O]; also the transposed convolution of dy. */
export function convInputGradient(b: Builder, dy: Value, filter: Value, geometry: Geometry): Value {
  const { kernel, groups } = geometry;
  const [out, perGroup] = filter.shape as [number, number];
  const taps = sizeOf(kernel);
  const shape = [dy.shape[0]!, ...geometry.input, groups * perGroup];
  const rows = sizeOf(shape) / (groups * perGroup);
  const cells = isPointwise(geometry) ? b.reshape(dy, [rows, out]) : patches(b, dy, outputOfInput(geometry), taps);
  const byOutput = b.reshape(filter, [groups, out / groups, perGroup, taps]);
  const weights = b.reshape(b.transpose(byOutput, [0, 3, 1, 2]), [groups, (taps * out) / groups, perGroup]);
  if (groups === 1) {
    const matrix = b.reshape(weights, [taps * out, perGroup]);
    return b.reshape(b.op("Gemm", [cells, matrix], { transA: 0, transB: 0 }), shape);
  }
  const product = b.op("MatMul", [byGroup(b, cells, rows, taps, groups), weights]);
  return b.reshape(b.transpose(product, [1, 0, 2]), shape);
}

/** Its gradient by the filter. */
export function convFilterGradient(b: Builder, x: Value, dy: Value, geometry: Geometry): Value {
  const { kernel, groups } = geometry;
  const channels = x.shape.at(-1)!;
  const out = dy.shape.at(-1)!;
  const perGroup = channels / groups;
  const taps = sizeOf(kernel);
  const rows = dy.size / out;
  const cells = isPointwise(geometry) ? b.reshape(x, [rows, channels]) : patches(b, x, inputOfOutput(geometry), taps);
  const dy2 = b.reshape(dy, [rows, out]);
  const shape = [out, perGroup, ...kernel];
  if (groups === 1) {
    const product = b.op("Gemm", [dy2, cells], { transA: 1, transB: 0 });
    return b.reshape(b.transpose(b.reshape(product, [out, taps, channels]), [0, 2, 1]), shape);
  }
  const grouped = b.transpose(b.reshape(dy2, [rows, groups, out / groups]), [1, 2, 0]);
  const product = b.op("MatMul", [grouped, byGroup(b, cells, rows, taps, groups)]);
  return b.reshape(b.transpose(b.reshape(product, [out, taps, perGroup]), [0, 2, 1]), shape);
}
