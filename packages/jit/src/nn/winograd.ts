import type { Builder } from "../ir/builder.js";
import { type DType, sizeOf, Value } from "../ir/graph.js";
import { coordinates, type Geometry } from "./geometry.js";

/*
 * Winograd's minimal filtering F(m, 3) (Lavin and Gray 2016): y = A'[(G g) . (B' d)] on tiles of m outputs, which read m + 2 inputs, along
 * each axis with three taps. Over two such axes a tile of 4 x 4 outputs takes 36 products where the definition takes 144.
 */

type Matrix = readonly (readonly number[])[];

/** The filtering along one axis: m outputs of a tile that reads `inputs` inputs by `taps` taps. */
interface Filtering {
  readonly outputs: number;
  readonly inputs: number;
  readonly taps: number;
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
const transposed = (m: Matrix): Matrix => m[0]!.map((_, j) => m.map((row) => row[j]!));

/** Three taps, by interpolation at `points` and infinity (Toom and Cook). */
function filtering(points: readonly number[]): Filtering {
  const taps = 3;
  const inputs = points.length + 1;
  const outputs = inputs - taps + 1;
  const others = (j: number) => points.filter((_, k) => k !== j);
  const scale = (j: number) => others(j).reduce((product, q) => product * (points[j]! - q), 1);
  return {
    outputs,
    inputs,
    taps,
    a: [...points.map((p) => powers(p, outputs)), last(outputs)],
    g: [...points.map((p, j) => powers(p, taps).map((x) => x / scale(j))), last(taps)],
    bTransposed: [...points.map((_, j) => [...polynomial(others(j)), 0]), polynomial(points)],
  };
}

/** An axis without taps: every position by itself. */
const untouched: Filtering = { outputs: 1, inputs: 1, taps: 1, a: [[1]], g: [[1]], bTransposed: [[1]] };
/** Over two axes the error of float32 is some 2.4 times that of direct summation; with the usual points 0, +-1, +-2 it is 5 times. */
const four = filtering([0, Math.SQRT1_2, -Math.SQRT1_2, Math.SQRT2, -Math.SQRT2]);
/** Over one axis the error is some 2.2 times that of direct summation; over two it would be too large. */
const six = filtering([0, 1, -1, 2, -2, 0.5, -0.5]);
/** As exact as direct summation. */
const two = filtering([0, 1, -1]);

/** A convolution cut into tiles; everything by spatial axis. */
export interface Tiling {
  readonly axes: readonly Filtering[];
  /** Tiles along each axis. */
  readonly tiles: readonly number[];
  /** Inputs, outputs and taps of one tile. */
  readonly cells: number;
  readonly outputs: number;
  readonly taps: number;
}

/** All tilings of a convolution of three taps along one or two axes, at stride 1 and of the same size. */
export function tilingsOf(geometry: Geometry): readonly Tiling[] {
  const { kernel, strides, dilations, padsBefore, input, output, groups } = geometry;
  const along = kernel.filter((size) => size === 3).length;
  const simple = groups === 1 && [...strides, ...dilations].every((number) => number === 1);
  const fits = kernel.every((size, i) => (size === 1 || size === 3) && padsBefore[i] === (size - 1) / 2);
  if (!simple || !fits || along === 0 || along > 2 || input.some((size, i) => size !== output[i])) return [];
  return (along === 1 ? [six, four, two] : [four, two]).flatMap((filtering) => {
    const axes = kernel.map((size) => (size === 1 ? untouched : filtering));
    if (axes.some(({ outputs }, i) => input[i]! % outputs !== 0)) return [];
    const product = (size: (axis: Filtering) => number) => sizeOf(axes.map(size));
    return [
      {
        axes,
        tiles: axes.map(({ outputs }, i) => input[i]! / outputs),
        cells: product(({ inputs }) => inputs),
        outputs: product(({ outputs }) => outputs),
        taps: product(({ taps }) => taps),
      },
    ];
  });
}

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

/** Some images of a batch. */
interface Images {
  readonly first: number;
  readonly count: number;
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

/** Images of x [N, ...spatial, C] as transformed tiles [cells, images tiles, C]. */
function transformedTiles(b: Builder, x: Value, { axes, tiles, cells }: Tiling, { first, count }: Images): Value {
  const channels = x.shape.at(-1)!;
  const spatial = x.shape.slice(1, -1);
  const rows = x.shape[0]! * sizeOf(spatial);
  const perImage = sizeOf(tiles);
  const inputs = axes.map((axis) => axis.inputs);
  const indices = new Int32Array(cells * count * perImage);
  const tileAt = Array.from({ length: perImage }, (_, tile) => coordinates(tile, tiles));
  for (let cell = 0; cell < cells; cell++) {
    const cellAt = coordinates(cell, inputs);
    tileAt.forEach((at, tile) => {
      let row = 0;
      axes.forEach(({ outputs, taps }, i) => {
        const position = at[i]! * outputs + cellAt[i]! - (taps - 1) / 2;
        row = row < 0 || position < 0 || position >= spatial[i]! ? -1 : row * spatial[i]! + position;
      });
      for (let n = 0; n < count; n++) {
        indices[(cell * count + n) * perImage + tile] = row < 0 ? rows : (first + n) * sizeOf(spatial) + row;
      }
    });
  }
  const zero = b.full(0, [1, channels], x.dtype as DType);
  const source = b.op("Concat", [b.reshape(x, [rows, channels]), zero], { axis: 0 });
  const gathered = b.op("Gather", [source, new Value([cells, count * perImage], "int32", indices)], { axis: 0 });
  return alongCells(
    b,
    axes.map((axis) => axis.bTransposed),
    gathered,
  );
}

/** For every output of a tile, image and tile [outputs, images tiles]: its position among all [N, ...spatial]. */
function positionsOfOutputs({ axes, tiles, outputs }: Tiling, { first, count }: Images): Int32Array {
  const perImage = sizeOf(tiles);
  const sizes = axes.map((axis) => axis.outputs);
  const positions = new Int32Array(outputs * count * perImage);
  for (let output = 0; output < outputs; output++) {
    const outputAt = coordinates(output, sizes);
    for (let tile = 0; tile < perImage; tile++) {
      const at = coordinates(tile, tiles);
      const position = axes.reduce((p, _, i) => p * tiles[i]! * sizes[i]! + at[i]! * sizes[i]! + outputAt[i]!, 0);
      for (let n = 0; n < count; n++) {
        positions[(output * count + n) * perImage + tile] = (first + n) * outputs * perImage + position;
      }
    }
  }
  return positions;
}

/** Rows of x [..., C], some or all, in another order; ONNX Runtime gathers rows several times more quickly than it transposes so many axes. */
function reorder(b: Builder, x: Value, order: Int32Array): Value {
  const channels = x.shape.at(-1)!;
  const rows = b.reshape(x, [x.size / channels, channels]);
  return b.op("Gather", [rows, new Value([order.length], "int32", order)], { axis: 0 });
}

/** Products of transformed tiles [cells, images tiles, C] with a transformed filter [cells, C, O], back as [images, ...spatial, O]. */
function assemble(b: Builder, products: Value, images: number, tiling: Tiling): Value {
  const { axes, tiles } = tiling;
  const matrices = axes.map(({ a }) => transposed(a));
  const positions = positionsOfOutputs(tiling, { first: 0, count: images });
  const order = new Int32Array(positions.length);
  positions.forEach((position, i) => {
    order[position] = i;
  });
  const y = reorder(b, alongCells(b, matrices, products), order);
  return b.reshape(y, [images, ...axes.map(({ outputs }, i) => outputs * tiles[i]!), products.shape[2]!]);
}

/** Convolution of x [N, ...spatial, C] with a filter [taps, C, O]. */
export function winograd(b: Builder, x: Value, filter: Value, tiling: Tiling): Value {
  const transformed = alongCells(
    b,
    tiling.axes.map(({ g }) => g),
    filter,
  );
  return filtered(b, x, transformed, tiling);
}

/** Convolution of x [N, ...spatial, C] with a transformed filter [cells, C, O], some images at a time. */
function filtered(b: Builder, x: Value, transformed: Value, tiling: Tiling): Value {
  const [, channels, out] = transformed.shape as [number, number, number];
  const images = parts(x.shape[0]!, tiling, Math.max(channels, out)).map((part) =>
    assemble(b, b.op("MatMul", [transformedTiles(b, x, tiling, part), transformed]), part.count, tiling),
  );
  return images.length === 1 ? images[0]! : b.op("Concat", images, { axis: 0 });
}

/** Its gradient by x: the convolution of dy [N, ...spatial, O] with the flipped filter, its channels exchanged. */
export function winogradInputGradient(b: Builder, dy: Value, filter: Value, tiling: Tiling): Value {
  const flipped = tiling.axes.map(({ g }) => g.map((row) => row.toReversed()));
  const transformed = b.transpose(alongCells(b, flipped, filter), [0, 2, 1]);
  return filtered(b, dy, transformed, tiling);
}

/** Its gradient by the filter: [taps, C, O]. */
export function winogradFilterGradient(b: Builder, x: Value, dy: Value, tiling: Tiling): Value {
  const { axes, tiles, outputs } = tiling;
  const [channels, out] = [x.shape.at(-1)!, dy.shape.at(-1)!];
  const products = parts(dy.shape[0]!, tiling, Math.max(channels, out)).map((part) => {
    const byOutput = reorder(b, dy, positionsOfOutputs(tiling, part));
    const gradient = alongCells(
      b,
      axes.map(({ a }) => a),
      b.reshape(byOutput, [outputs, part.count * sizeOf(tiles), out]),
    );
    return b.op("MatMul", [b.transpose(transformedTiles(b, x, tiling, part), [0, 2, 1]), gradient]);
  });
  return alongCells(
    b,
    axes.map(({ g }) => transposed(g)),
    products.reduce((sum, product) => b.op("Add", [sum, product])),
  );
}
