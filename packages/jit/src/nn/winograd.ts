import type { Builder } from "../ir/builder.js";
import { type DType, sizeOf, Value } from "../ir/graph.js";
import type { Geometry } from "./geometry.js";

/*
 * Winograd's minimal filtering F(m, 3) (Lavin and Gray 2016): y = A'[(G g) . (B' d)] on tiles of m outputs, which read m + 2 inputs, along
 * each axis. In two dimensions with m = 4 a tile takes 36 products where the definition takes 144.
 */

const taps = 3;
/** Outputs of a tile along an axis. */
const outputs = 4;
const inputs = outputs + taps - 1;
/** With these points the error of float32 is some 2.4 times that of direct summation; with 0, +-1, +-2 it is 5 times (root mean square). */
const points = [0, Math.SQRT1_2, -Math.SQRT1_2, Math.SQRT2, -Math.SQRT2];

type Matrix = readonly (readonly number[])[];

/** Coefficients of the product of (x - root), the constant first. */
const polynomial = (roots: readonly number[]) =>
  roots.reduce<number[]>(
    (p, root) => Array.from({ length: p.length + 1 }, (_, i) => (p[i - 1] ?? 0) - root * (p[i] ?? 0)),
    [1],
  );
const others = (j: number) => points.filter((_, k) => k !== j);
const powers = (x: number, count: number) => Array.from({ length: count }, (_, i) => x ** i);
const last = (count: number) => Array.from({ length: count }, (_, i) => (i === count - 1 ? 1 : 0));
const transposed = (m: Matrix): Matrix => m[0]!.map((_, j) => m.map((row) => row[j]!));

/** [inputs, outputs] */
const a: Matrix = [...points.map((p) => powers(p, outputs)), last(outputs)];
/** [inputs, taps] */
const g: Matrix = [
  ...points.map((p, j) => powers(p, taps).map((x) => x / others(j).reduce((product, q) => product * (p - q), 1))),
  last(taps),
];
/** [inputs, inputs] */
const bTransposed: Matrix = [...points.map((_, j) => [...polynomial(others(j)), 0]), polynomial(points)];

/** The matrix that applies `m` along both axes of a square. */
const kronecker = (m: Matrix): Value => {
  const rows = m.flatMap((r1) => m.map((r2) => r1.flatMap((x) => r2.map((y) => x * y))));
  return new Value([rows.length, rows[0]!.length], "float32", Float32Array.from(rows.flat()));
};
const ofData = kronecker(bTransposed);
const ofFilter = kronecker(g);
const ofFlippedFilter = kronecker(g.map((row) => row.toReversed()));
const ofGradient = kronecker(a);
const toOutput = kronecker(transposed(a));
const toFilter = kronecker(transposed(g));

const cells = inputs ** 2;

/** Whether the convolution is one of 3x3 taps at stride 1 that keeps sizes which tiles cover exactly. */
export function isTileable({ kernel, strides, dilations, padsBefore, input, output, groups }: Geometry): boolean {
  return (
    groups === 1 &&
    kernel.length === 2 &&
    kernel.every((size) => size === taps) &&
    [...strides, ...dilations, ...padsBefore].every((number) => number === 1) &&
    input.every((size, i) => size === output[i] && size % outputs === 0)
  );
}

/** Number of tiles of `batch` images. */
export const tileCount = ({ input }: Geometry, batch: number) => (batch * sizeOf(input)) / outputs ** 2;

/** x [N, H, W, C] as transformed tiles [cells, N h w, C]. */
function transformedTiles(b: Builder, x: Value): Value {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [h, w] = [height / outputs, width / outputs];
  const rows = batch * height * width;
  const tiles = batch * h * w;
  const indices = new Int32Array(cells * tiles);
  for (let cell = 0; cell < cells; cell++) {
    for (let tile = 0; tile < tiles; tile++) {
      const n = Math.floor(tile / (h * w));
      const row = (Math.floor(tile / w) % h) * outputs + Math.floor(cell / inputs) - 1;
      const column = (tile % w) * outputs + (cell % inputs) - 1;
      const outside = row < 0 || column < 0 || row >= height || column >= width;
      indices[cell * tiles + tile] = outside ? rows : (n * height + row) * width + column;
    }
  }
  const zero = b.full(0, [1, channels], x.dtype as DType);
  const source = b.op("Concat", [b.reshape(x, [rows, channels]), zero], { axis: 0 });
  const gathered = b.op("Gather", [source, new Value([cells, tiles], "int32", indices)], { axis: 0 });
  return alongCells(b, ofData, gathered);
}

/** matrix [K, J] times x [J, ...] over the first axis. */
function alongCells(b: Builder, matrix: Value, x: Value): Value {
  const [first, ...rest] = x.shape as [number, ...number[]];
  const product = b.op("Gemm", [matrix, b.reshape(x, [first, sizeOf(rest)])], { transA: 0, transB: 0 });
  return b.reshape(product, [matrix.shape[0]!, ...rest]);
}

/** Products of transformed tiles [cells, tiles, C] with a transformed filter [cells, C, O], back as [N, H, W, O]. */
function assemble(b: Builder, products: Value, batch: number, { input }: Geometry): Value {
  const out = products.shape[2]!;
  const [h, w] = input.map((size) => size / outputs) as [number, number];
  const y = b.reshape(alongCells(b, toOutput, products), [outputs, outputs, batch, h, w, out]);
  return b.reshape(b.transpose(y, [2, 3, 0, 4, 1, 5]), [batch, ...input, out]);
}

/** Convolution of x [N, H, W, C] with a filter [taps, C, O]. */
export function winograd(b: Builder, x: Value, filter: Value, geometry: Geometry): Value {
  const products = b.op("MatMul", [transformedTiles(b, x), alongCells(b, ofFilter, filter)]);
  return assemble(b, products, x.shape[0]!, geometry);
}

/** Its gradient by x: the convolution of dy [N, H, W, O] with the flipped filter, its channels exchanged. */
export function winogradInputGradient(b: Builder, dy: Value, filter: Value, geometry: Geometry): Value {
  const flipped = b.transpose(alongCells(b, ofFlippedFilter, filter), [0, 2, 1]);
  return assemble(b, b.op("MatMul", [transformedTiles(b, dy), flipped]), dy.shape[0]!, geometry);
}

/** Its gradient by the filter: [taps, C, O]. */
export function winogradFilterGradient(b: Builder, x: Value, dy: Value, { input }: Geometry): Value {
  const [h, w] = input.map((size) => size / outputs) as [number, number];
  const [batch, out] = [dy.shape[0]!, dy.shape[3]!];
  const tiles = b.transpose(b.reshape(dy, [batch, h, outputs, w, outputs, out]), [2, 4, 0, 1, 3, 5]);
  const gradient = alongCells(b, ofGradient, b.reshape(tiles, [outputs ** 2, batch * h * w, out]));
  const product = b.op("MatMul", [b.transpose(transformedTiles(b, x), [0, 2, 1]), gradient]);
  return alongCells(b, toFilter, product);
}
