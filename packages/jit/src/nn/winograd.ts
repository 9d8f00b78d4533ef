import type { Builder } from "../ir/builder.js";
import { sizeOf, Value } from "../ir/graph.js";
import { takeRows } from "../trace/kernels/movement.js";
import { flipped, type Matrix } from "./filtering.js";
import { type Images, positionsOfInputs, positionsOfOutputs, type Tiling } from "./tiling.js";

/*
 * Convolutions by tiles (filtering.ts). Over two axes of three taps a tile of 4 x 4 outputs takes 36 products where the definition takes
 * 144, over one axis a tile of 6 takes 8 for 18.
 */

const transposed = (m: Matrix): Matrix => m[0]!.map((_, j) => m.map((row) => row[j]!));

/** The matrix that applies one matrix along each axis. */
const alongAxes = (matrices: readonly Matrix[]): Value => {
  const product = matrices.reduce(
    (m, n) => m.flatMap((r1) => n.map((r2) => r1.flatMap((x) => r2.map((y) => x * y)))),
    [[1]],
  );
  return new Value([product.length, product[0]!.length], "float32", Float32Array.from(product.flat()));
};

/** matrix [K, J] times x [J, ...] over the first axis. */
function alongCells(b: Builder, matrices: readonly Matrix[], x: Value): Value {
  const [first, ...rest] = x.shape as [number, ...number[]];
  const matrix = alongAxes(matrices);
  const product = b.op("Gemm", [matrix, b.reshape(x, [first, sizeOf(rest)])], { transA: 0, transB: 0 });
  return b.reshape(product, [matrix.shape[0]!, ...rest]);
}

/** Most numbers in the transformed tiles of as many images as go through the transforms at once, where there is more than one. */
const mostAtOnce = 1 << 23;

/** A batch in parts, so that large pictures need no memory for all of their tiles at a time. */
function parts(batch: number, { cells, tiles }: Tiling, channels: number): readonly Images[] {
  const perImage = cells * sizeOf(tiles) * channels;
  const count = Math.min(batch, Math.max(1, Math.floor(mostAtOnce / perImage)));
  const starts = Array.from({ length: Math.ceil(batch / count) }, (_, i) => i * count);
  return starts.map((first) => ({ first, count: Math.min(count, batch - first) }));
}

/** Rows of x [..., C], some or all, in another order; ONNX Runtime gathers rows several times more quickly than it transposes so many axes. */
function reorder(b: Builder, x: Value, order: Int32Array, shape: readonly number[]): Value {
  const channels = x.shape.at(-1)!;
  return b.reshape(takeRows(b, b.reshape(x, [1, x.size / channels, channels]), order), [...shape, channels]);
}

/** Images of x [N, ...spatial, C] as transformed tiles [cells, images tiles, C]. */
function transformedTiles(b: Builder, x: Value, tiling: Tiling, images: Images): Value {
  const shape = [tiling.inputs, images.count * sizeOf(tiling.tiles)];
  const gathered = reorder(b, x, positionsOfInputs(tiling, images), shape);
  const matrices = tiling.axes.map((axis) => axis.bTransposed);
  return alongCells(b, matrices, gathered);
}

/** Products of transformed tiles [cells, images tiles, C] with a transformed filter [cells, C, O], back as [images, ...spatial, O]. */
function assemble(b: Builder, products: Value, images: number, tiling: Tiling): Value {
  const { axes, of } = tiling;
  const matrices = axes.map(({ a }) => transposed(a));
  const order = new Int32Array(images * sizeOf(of.output));
  positionsOfOutputs(tiling, { first: 0, count: images }).forEach((position, i) => {
    if (position >= 0) order[position] = i;
  });
  return reorder(b, alongCells(b, matrices, products), order, [images, ...of.output]);
}

/** Convolution of x [N, ...input, C] with a filter [taps, C, O]: [N, ...output, O]. */
export function winograd(b: Builder, x: Value, filter: Value, tiling: Tiling): Value {
  const transformed = alongCells(
    b,
    tiling.axes.map(({ g }) => g),
    filter,
  );
  return filtered(b, x, transformed, tiling);
}

/** Convolution of x [N, ...input, C] with a transformed filter [cells, C, O], some images at a time. */
function filtered(b: Builder, x: Value, transformed: Value, tiling: Tiling): Value {
  const [, channels, out] = transformed.shape as [number, number, number];
  const images = parts(x.shape[0]!, tiling, Math.max(channels, out)).map((part) =>
    assemble(b, cellProducts(b, transformedTiles(b, x, tiling, part), transformed, tiling), part.count, tiling),
  );
  return images.length === 1 ? images[0]! : b.op("Concat", images, { axis: 0 });
}

/** Transformed tiles [cells, tiles, C] times a transformed filter [cells, C, O]. */
function cellProducts(b: Builder, tiles: Value, filter: Value, { apart, cells }: Tiling): Value {
  if (!apart) return b.op("MatMul", [tiles, filter]);
  const matrices = (x: Value) => {
    const [, rows, columns] = x.shape as [number, number, number];
    return b.ops("Split", [b.reshape(x, [cells * rows, columns])], { axis: 0, split: Array<number>(cells).fill(rows) });
  };
  const filters = matrices(filter);
  const products = matrices(tiles).map((rows, i) => b.op("Gemm", [rows, filters[i]!], { transA: 0, transB: 0 }));
  return b.reshape(b.op("Concat", products, { axis: 0 }), [cells, tiles.shape[1]!, filter.shape[2]!]);
}

/**
 * The gradient by x of a convolution of x [N, ...input, C] with a filter [taps, C, O], from dy [N, ...output, O]: the convolution of dy with
 * the flipped filter, its channels exchanged, which the tiling is of.
 */
export function winogradInputGradient(b: Builder, dy: Value, filter: Value, tiling: Tiling): Value {
  const axes = tiling.axes.map(flipped);
  const matrices = axes.map(({ g }) => g);
  return filtered(b, dy, b.transpose(alongCells(b, matrices, filter), [0, 2, 1]), { ...tiling, axes });
}

/** Its gradient by the filter: [taps, C, O]. */
export function winogradFilterGradient(b: Builder, x: Value, dy: Value, tiling: Tiling): Value {
  const { axes, tiles, outputs } = tiling;
  const [channels, out] = [x.shape.at(-1)!, dy.shape.at(-1)!];
  const products = parts(dy.shape[0]!, tiling, Math.max(channels, out)).map((part) => {
    const shape = [outputs, part.count * sizeOf(tiles)];
    const byOutput = reorder(b, dy, positionsOfOutputs(tiling, part), shape);
    const gradient = alongCells(
      b,
      axes.map(({ a }) => a),
      byOutput,
    );
    return b.op("MatMul", [b.transpose(transformedTiles(b, x, tiling, part), [0, 2, 1]), gradient]);
  });
  return alongCells(
    b,
    axes.map(({ g }) => transposed(g)),
    products.reduce((sum, product) => b.op("Add", [sum, product])),
  );
}
