import type { Builder } from "../ir/builder.js";
import { sizeOf, Value } from "../ir/graph.js";
import { takeRows } from "../trace/kernels/movement.js";
import { type Geometry, inputOfOutput, isPointwise, outputOfInput } from "./geometry.js";
import { type Tiling, tilingsOf, winograd, winogradFilterGradient, winogradInputGradient } from "./winograd.js";

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
  if (groups > 1) return groupedForward(b, x, filter, geometry);
  if (isPointwise(geometry)) {
    const matrix = b.reshape(filter, [out, channels]);
    return b.reshape(b.op("Gemm", [b.reshape(x, [rows, channels]), matrix], { transA: 0, transB: 1 }), shape);
  }
  const weights = byTap(b, filter);
  const tiling = tilingThatPays(b, filter, geometry, batch);
  if (tiling) return winograd(b, x, weights, tiling);
  const cells = patches(b, x, inputOfOutput(geometry), weights.shape[0]!);
  const matrix = b.reshape(weights, [weights.shape[0]! * channels, out]);
  return b.reshape(b.op("Gemm", [cells, matrix], { transA: 0, transB: 0 }), shape);
}

function inputGradient(b: Builder, dy: Value, filter: Value, geometry: Geometry): Value {
  const { groups } = geometry;
  const [out, channels] = filter.shape as [number, number];
  const batch = dy.shape[0]!;
  const shape = [batch, ...geometry.input, channels];
  const dy2 = b.reshape(dy, [dy.size / out, out]);
  if (groups > 1) return groupedInputGradient(b, dy, filter, geometry);
  if (isPointwise(geometry)) {
    const matrix = b.reshape(filter, [out, channels]);
    return b.reshape(b.op("Gemm", [dy2, matrix], { transA: 0, transB: 0 }), shape);
  }
  const weights = byTap(b, filter);
  const taps = weights.shape[0]!;
  const tiling = tilingThatPays(b, filter, geometry, batch);
  if (tiling) return winogradInputGradient(b, dy, weights, tiling);
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
  if (groups > 1) return groupedFilterGradient(b, x, dy, geometry);
  if (isPointwise(geometry)) {
    const product = b.op("Gemm", [dy2, b.reshape(x, [x.size / channels, channels])], { transA: 1, transB: 0 });
    return b.reshape(product, [out, channels, ...kernel]);
  }
  const tiling = tilingThatPays(b, new Value([out, channels, ...kernel], "float32"), geometry, x.shape[0]!);
  if (tiling) return inPublicLayout(b, winogradFilterGradient(b, x, dy, tiling), kernel);
  const taps = sizeOf(kernel);
  const cells = patches(b, x, inputOfOutput(geometry), taps);
  const product = b.op("Gemm", [cells, dy2], { transA: 1, transB: 0 });
  return inPublicLayout(b, b.reshape(product, [taps, channels, out]), kernel);
}

function groupedForward(b: Builder, x: Value, filter: Value, geometry: Geometry): Value {
  const { kernel, groups } = geometry;
  const [out, perGroup] = filter.shape as [number, number];
  const taps = sizeOf(kernel);
  const shape = [x.shape[0]!, ...geometry.output, out];
  const rows = sizeOf(shape) / out;
  const weights = b.transpose(b.reshape(filter, [groups, out / groups, perGroup, taps]), [0, 3, 2, 1]);
  const grouped = b.reshape(weights, [groups, taps * perGroup, out / groups]);
  const cells = byGroup(b, patches(b, x, inputOfOutput(geometry), taps), rows, taps, groups);
  return b.reshape(b.transpose(b.op("MatMul", [cells, grouped]), [1, 0, 2]), shape);
}

function groupedInputGradient(b: Builder, dy: Value, filter: Value, geometry: Geometry): Value {
  const { kernel, groups } = geometry;
  const [out, perGroup] = filter.shape as [number, number];
  const taps = sizeOf(kernel);
  const shape = [dy.shape[0]!, ...geometry.input, groups * perGroup];
  const rows = sizeOf(shape) / (groups * perGroup);
  const byOutput = b.transpose(b.reshape(filter, [groups, out / groups, perGroup, taps]), [0, 3, 1, 2]);
  const weights = b.reshape(byOutput, [groups, (taps * out) / groups, perGroup]);
  const cells = byGroup(b, patches(b, dy, outputOfInput(geometry), taps), rows, taps, groups);
  return b.reshape(b.transpose(b.op("MatMul", [cells, weights]), [1, 0, 2]), shape);
}

function groupedFilterGradient(b: Builder, x: Value, dy: Value, geometry: Geometry): Value {
  const { kernel, groups } = geometry;
  const out = dy.shape.at(-1)!;
  const perGroup = x.shape.at(-1)! / groups;
  const taps = sizeOf(kernel);
  const rows = dy.size / out;
  const cells = byGroup(b, patches(b, x, inputOfOutput(geometry), taps), rows, taps, groups);
  const gradients = b.transpose(b.reshape(dy, [rows, groups, out / groups]), [1, 2, 0]);
  const product = b.reshape(b.op("MatMul", [gradients, cells]), [out, taps, perGroup]);
  return b.reshape(b.transpose(product, [0, 2, 1]), [out, perGroup, ...kernel]);
}
