import type { Builder } from "../ir/builder.js";
import { sizeOf, Value } from "../ir/graph.js";
import { takeRows } from "../trace/kernels/movement.js";
import { filterGradientByRows, forwardByRows, inputGradientByRows, type Rows, rowsOf } from "./conv-rows.js";
import { type Geometry, inputOfOutput, isPointwise, outputOfInput } from "./geometry.js";
import { type Tiling, tilingsOf, winograd, winogradFilterGradient, winogradInputGradient } from "./winograd.js";

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

/** Multiplications and additions of a matrix product that take as long as moving one number, in the cache and beyond it. */
const flopsPerNumber = { cached: 30, beyond: 45 };
/** Numbers of a filter that stay in the cache. */
const cachedNumbers = 3 << 20;

/**
 * The tiles that beat patches, if any do: fewer products (36 for 144 over two axes), for transforms that move the tiles some three times,
 * and a filter that is larger, packed in every run where one matrix would be packed once, and transformed unless it is frozen.
 */
function tilingThatPays(b: Builder, filter: Value, geometry: Geometry, batch: number): Tiling | undefined {
  const [out, channels] = filter.shape as [number, number];
  const positions = batch * sizeOf(geometry.output);
  const cost = (products: number, moved: number, filterNumbers: number, filterMoves: number) => {
    const place = filterNumbers > cachedNumbers ? "beyond" : "cached";
    return 2 * products + flopsPerNumber.cached * moved + flopsPerNumber[place] * filterNumbers * filterMoves;
  };
  const patch = sizeOf(geometry.kernel) * channels;
  const frozen = b.isConstant(filter);
  const direct = cost(positions * patch * out, positions * patch, patch * out, frozen ? 1 : 3);
  const costs = tilingsOf(geometry).map((tiling) => {
    const rows = (positions / tiling.outputs) * tiling.cells;
    return {
      tiling,
      cost: cost(rows * channels * out, 3 * rows * (channels + out), tiling.cells * channels * out, frozen ? 3 : 5),
    };
  });
  const [best] = costs.toSorted((a, b) => a.cost - b.cost);
  return best && best.cost < direct ? best.tiling : undefined;
}

/** Taking a row from elsewhere costs as much as so many multiplications and additions, however short it is. */
const flopsPerRow = 500;
/** Columns that a matrix product computes at a time. */
const columnsAtOnce = 16;
const blocks = [1, 2, 4, 8, 16];

/** Whether a convolution without tiles is computed by rows. */
const byRows = ({ groups, kernel }: Geometry) => groups > 1 || kernel.length === 1;

/**
 * The rows of a convolution that is computed by rows: one with groups, or over one axis without tiles. Longer rows gather less, for more
 * products with the zeros of their bands.
 */
function rowsThatPay(filter: readonly number[], geometry: Geometry, batch: number): Rows {
  const { groups } = geometry;
  const [out, perGroup] = [filter[0]! / groups, filter[1]!];
  const costs = blocks.map((block) => {
    const rows = rowsOf(geometry, block);
    const count = batch * sizeOf(rows.by.output);
    const taps = sizeOf(rows.by.kernel);
    const [patch, columns] = [taps * rows.inputs * perGroup, rows.outputs * out];
    const padded = columnsAtOnce * Math.ceil(columns / columnsAtOnce);
    const products = 2 * count * patch * padded;
    const moved = count * (flopsPerNumber.cached * patch + flopsPerRow * taps);
    return { rows, cost: products + moved + 3 * flopsPerNumber.cached * patch * columns };
  });
  return costs.toSorted((a, b) => a.cost - b.cost)[0]!.rows;
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
  const tiling = tilingThatPays(b, filter, geometry, batch);
  if (tiling) return winograd(b, x, byTap(b, filter), tiling);
  const own = frozenDepthwise(b, x, filter, geometry);
  if (own) return own;
  if (byRows(geometry)) return forwardByRows(b, x, filter, rowsThatPay(filter.shape, geometry, batch));
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

function inputGradient(b: Builder, dy: Value, filter: Value, geometry: Geometry): Value {
  const { groups } = geometry;
  const [out, channels] = filter.shape as [number, number];
  const batch = dy.shape[0]!;
  const shape = [batch, ...geometry.input, channels];
  const dy2 = b.reshape(dy, [dy.size / out, out]);
  if (groups === 1 && isPointwise(geometry)) {
    const matrix = b.reshape(filter, [out, channels]);
    return b.reshape(b.op("Gemm", [dy2, matrix], { transA: 0, transB: 0 }), shape);
  }
  const tiling = tilingThatPays(b, filter, geometry, batch);
  if (tiling) return winogradInputGradient(b, dy, byTap(b, filter), tiling);
  if (byRows(geometry)) return inputGradientByRows(b, dy, filter, rowsThatPay(filter.shape, geometry, batch));
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
  const filter = new Value([out, channels / groups, ...kernel], "float32");
  const tiling = tilingThatPays(b, filter, geometry, x.shape[0]!);
  if (tiling) return inPublicLayout(b, winogradFilterGradient(b, x, dy, tiling), kernel);
  if (byRows(geometry)) return filterGradientByRows(b, x, dy, rowsThatPay(filter.shape, geometry, x.shape[0]!));
  const taps = sizeOf(kernel);
  const cells = patches(b, x, inputOfOutput(geometry), taps);
  const product = b.op("Gemm", [cells, dy2], { transA: 1, transB: 0 });
  return inPublicLayout(b, b.reshape(product, [taps, channels, out]), kernel);
}
