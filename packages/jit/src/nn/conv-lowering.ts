import type { Builder } from "../ir/builder.js";
import { sizeOf, type Value } from "../ir/graph.js";
import { takeRows } from "../trace/kernels/movement.js";
import { rowsThatPay, tilingThatPays } from "./conv-cost.js";
import { filterGradientByRows, forwardByRows, inputGradientByRows } from "./conv-rows.js";
import { type Geometry, inputOfOutput, isPointwise, outputOfInput } from "./geometry.js";
import { transposedGeometry } from "./tiling.js";
import { winograd, winogradFilterGradient, winogradInputGradient } from "./winograd.js";

/** Patches [N * positions, taps * C] of x [N, ...spatial, C]. */
function patches(b: Builder, x: Value, indices: Int32Array, taps: number): Value {
  const channels = x.shape.at(-1)!;
  const batch = x.shape[0]!;
  const rows = takeRows(b, b.reshape(x, [batch, x.size / (batch * channels), channels]), indices);
  return b.reshape(rows, [(batch * indices.length) / taps, taps * channels]);
}

/** A filter [O, C, ...kernel] as [taps, C, O], as the products take it. */
function byTap(b: Builder, filter: Value): Value {
  const [out, channels] = filter.shape as [number, number];
  return b.transpose(b.reshape(filter, [out, channels, sizeOf(filter.shape.slice(2))]), [2, 1, 0]);
}

/** A filter [taps, C, O] as [O, C, ...kernel]. */
function inPublicLayout(b: Builder, filter: Value, kernel: readonly number[]): Value {
  const [, channels, out] = filter.shape as [number, number, number];
  return b.reshape(b.transpose(filter, [2, 1, 0]), [out, channels, ...kernel]);
}

/** Multiply-adds of a convolution with such a filter by its definition, and of either gradient. */
const multiplyAdds = (batch: number, filter: readonly number[], { output }: Geometry) =>
  batch * sizeOf(output) * sizeOf(filter);

/** Convolution of x [N, ...spatial, C] with a filter [O, C / groups, ...kernel]: [N, ...output, O]. */
export function convForward(b: Builder, x: Value, filter: Value, geometry: Geometry): Value {
  const count = multiplyAdds(x.shape[0]!, filter.shape, geometry);
  return b.counting(count, () => forward(b, x, filter, geometry));
}

/** Its gradient by x, from dy [N, ...output, O]; also the transposed convolution of dy. */
export function convInputGradient(b: Builder, dy: Value, filter: Value, geometry: Geometry): Value {
  const count = multiplyAdds(dy.shape[0]!, filter.shape, geometry);
  return b.counting(count, () => inputGradient(b, dy, filter, geometry));
}

/** Its gradient by the filter. */
export function convFilterGradient(b: Builder, x: Value, dy: Value, geometry: Geometry): Value {
  const filter = [dy.shape.at(-1)!, x.shape.at(-1)! / geometry.groups, ...geometry.kernel];
  return b.counting(multiplyAdds(x.shape[0]!, filter, geometry), () => filterGradient(b, x, dy, geometry));
}

function forward(b: Builder, x: Value, filter: Value, geometry: Geometry): Value {
  const { groups } = geometry;
  const [out, channels] = filter.shape as [number, number];
  const batch = x.shape[0]!;
  const shape = [batch, ...geometry.output, out];
  const rows = sizeOf(shape) / out;
  if (groups === 1 && isPointwise(geometry)) {
    const matrix = b.reshape(filter, [out, channels]);
    return b.reshape(b.op("Gemm", [b.reshape(x, [rows, channels]), matrix], { transA: 0, transB: 1 }), shape);
  }
  const tiling = tilingThatPays({ of: geometry, channels, out, batch, frozen: b.isConstant(filter) });
  if (tiling) return winograd(b, x, byTap(b, filter), tiling);
  const own = frozenDepthwise(b, x, filter, geometry);
  if (own) return own;
  const way = { turned: false, frozen: b.isConstant(filter) };
  const byRows = rowsThatPay(filter.shape, geometry, batch, way);
  if (byRows) return forwardByRows(b, x, filter, byRows);
  const weights = byTap(b, filter);
  const cells = patches(b, x, inputOfOutput(geometry), weights.shape[0]!);
  const matrix = b.reshape(weights, [weights.shape[0]! * channels, out]);
  return b.reshape(b.op("Gemm", [cells, matrix], { transA: 0, transB: 0 }), shape);
}

/** Channels that ONNX Runtime's blocked layout takes at a time, on any processor. */
const channelBlock = 16;

/**
 * A depthwise convolution whose filter is frozen, as ONNX Runtime's own: it then works in blocks of channels, into which it brings x from
 * either order as quickly as it copies it. Several times quicker than rows; but for a filter that is not constant, many times slower.
 */
function frozenDepthwise(b: Builder, x: Value, filter: Value, geometry: Geometry): Value | undefined {
  const { groups, input, output, kernel, strides, dilations, padsBefore } = geometry;
  const depthwise = filter.shape[0] === groups && filter.shape[1] === 1;
  if (!depthwise || groups % channelBlock !== 0 || kernel.length > 2 || !b.isConstant(filter)) return undefined;
  const missing = kernel.map((size, i) => {
    const end = (output[i]! - 1) * strides[i]! + dilations[i]! * (size - 1) + 1;
    return Math.max(0, end - padsBefore[i]! - input[i]!);
  });
  // It has no such layout for one axis.
  const plane = (sizes: readonly number[], one: number) => (sizes.length === 1 ? [one, ...sizes] : sizes);
  const image = b.transpose(b.reshape(x, [x.shape[0]!, ...plane(input, 1), groups]), [0, 3, 1, 2]);
  const weights = b.reshape(filter, [groups, 1, ...plane(kernel, 1)]);
  const y = b.op("Conv", [image, weights], {
    strides: plane(strides, 1),
    pads: [...plane(padsBefore, 0), ...plane(missing, 0)],
    dilations: plane(dilations, 1),
    kernel_shape: plane(kernel, 1),
    group: groups,
  });
  return b.reshape(b.transpose(y, [0, 2, 3, 1]), [x.shape[0]!, ...output, groups]);
}

/** A filter [O, C / groups, ...kernel] as that of the convolution's gradient by x: flipped, [C, O / groups, ...kernel]. */
function turnedFilter(b: Builder, filter: Value, { groups, kernel }: Geometry): Value {
  const [out, perGroup] = filter.shape as [number, number];
  const taps = sizeOf(kernel);
  const flipped = Int32Array.from({ length: taps }, (_, tap) => taps - 1 - tap);
  const byTap = b.transpose(b.reshape(filter, [groups, out / groups, perGroup, taps]), [0, 3, 2, 1]);
  const rows = takeRows(b, b.reshape(byTap, [groups, taps, (perGroup * out) / groups]), flipped);
  const turned = b.transpose(b.reshape(rows, [groups, taps, perGroup, out / groups]), [0, 2, 3, 1]);
  return b.reshape(turned, [groups * perGroup, out / groups, ...kernel]);
}

function inputGradient(b: Builder, dy: Value, filter: Value, geometry: Geometry): Value {
  const { groups } = geometry;
  // The rows of a gradient reach beyond x; those of a convolution do not.
  if (groups > 1 && geometry.strides.every((stride) => stride === 1))
    return forward(b, dy, turnedFilter(b, filter, geometry), transposedGeometry(geometry));
  const [out, channels] = filter.shape as [number, number];
  const batch = dy.shape[0]!;
  const shape = [batch, ...geometry.input, channels];
  const dy2 = b.reshape(dy, [dy.size / out, out]);
  if (groups === 1 && isPointwise(geometry)) {
    const matrix = b.reshape(filter, [out, channels]);
    return b.reshape(b.op("Gemm", [dy2, matrix], { transA: 0, transB: 0 }), shape);
  }
  const of = transposedGeometry(geometry);
  const tiling = tilingThatPays({ of, channels: out, out: channels, batch, frozen: b.isConstant(filter) });
  if (tiling) return winogradInputGradient(b, dy, byTap(b, filter), tiling);
  const way = { turned: true, frozen: b.isConstant(filter) };
  const byRows = rowsThatPay(filter.shape, geometry, batch, way);
  if (byRows) return inputGradientByRows(b, dy, filter, byRows);
  const weights = byTap(b, filter);
  const taps = weights.shape[0]!;
  const readers = outputOfInput(geometry);
  if (taps * channels * out < dy.size * taps) {
    // Few weights: turn them round, and gather what each input contributed to.
    const matrix = b.reshape(b.transpose(weights, [0, 2, 1]), [taps * out, channels]);
    return b.reshape(b.op("Gemm", [patches(b, dy, readers, taps), matrix], { transA: 0, transB: 0 }), shape);
  }
  // Many weights: leave them, and gather the contributions themselves.
  const matrix = b.reshape(weights, [taps * channels, out]);
  const contributions = b.op("Gemm", [dy2, matrix], { transA: 0, transB: 1 });
  const indices = readers.map((at, i) => (at < 0 ? -1 : at * taps + (i % taps)));
  const gathered = takeRows(b, b.reshape(contributions, [batch, (dy.size / (out * batch)) * taps, channels]), indices);
  const byInput = b.reshape(gathered, [(batch * indices.length) / taps, taps, channels]);
  return b.reshape(b.reduce("ReduceSum", byInput, [1], false), shape);
}

function filterGradient(b: Builder, x: Value, dy: Value, geometry: Geometry): Value {
  const { kernel, groups } = geometry;
  const channels = x.shape.at(-1)!;
  const out = dy.shape.at(-1)!;
  const dy2 = b.reshape(dy, [dy.size / out, out]);
  if (groups === 1 && isPointwise(geometry)) {
    const product = b.op("Gemm", [dy2, b.reshape(x, [x.size / channels, channels])], { transA: 1, transB: 0 });
    return b.reshape(product, [out, channels, ...kernel]);
  }
  const filter = [out, channels / groups, ...kernel];
  const tiling = tilingThatPays({ of: geometry, channels, out, batch: x.shape[0]!, frozen: false });
  if (tiling) return inPublicLayout(b, winogradFilterGradient(b, x, dy, tiling), kernel);
  const way = { turned: false, frozen: false };
  const byRows = rowsThatPay(filter, geometry, x.shape[0]!, way);
  if (byRows) return filterGradientByRows(b, x, dy, byRows);
  const taps = sizeOf(kernel);
  const cells = patches(b, x, inputOfOutput(geometry), taps);
  const product = b.op("Gemm", [cells, dy2], { transA: 1, transB: 0 });
  return inPublicLayout(b, b.reshape(product, [taps, channels, out]), kernel);
}
