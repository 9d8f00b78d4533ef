import type { Builder } from "../../ir/builder.js";
import { Value } from "../../ir/graph.js";
import type { Lowering } from "../lowering.js";
import { bilinearMatrix, bilinearTaps, nearestIndices, nearestMatrix, type ResizeAttrs } from "../resizing.js";

const gatherConstant = (b: Builder, x: Value, axis: number, indices: Int32Array) =>
  b.op("Gather", [x, new Value([indices.length], "int32", indices)], { axis });

/** Nearest neighbour over H and W of images [N, H, W, C]. */
const resizeNearest: Lowering = (b, { images }, attrs: ResizeAttrs & { size: [number, number] }) =>
  attrs.size.reduce((x, out, i) => gatherConstant(b, x, i + 1, nearestIndices(x.shape[i + 1]!, out, attrs)), images!);

/** A [rows, length] matrix applied along H (axis 1) or W (axis 2) of x [N, H, W, C]. */
function applyAlong(b: Builder, matrix: Float32Array, rows: number, x: Value, axis: 1 | 2): Value {
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const length = x.shape[axis]!;
  const weights = b.constant(matrix, [rows, length], "float32");
  if (axis === 1) return b.reshape(b.op("MatMul", [weights, b.reshape(x, [n, h, w * c])]), [n, rows, w, c]);
  return b.reshape(b.op("MatMul", [weights, b.reshape(x, [n * h, w, c])]), [n, h, rows, c]);
}

const transposed = (matrix: Float32Array, rows: number, columns: number) =>
  matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);

const resizeBilinear: Lowering = (b, { images }, attrs: ResizeAttrs & { size: [number, number] }) =>
  attrs.size.reduce(
    (x, out, i) => {
      const { low, high, fraction } = bilinearTaps(x.shape[i + 1]!, out, attrs);
      const first = gatherConstant(b, x, i + 1, low);
      const step = b.op("Sub", [gatherConstant(b, x, i + 1, high), first]);
      const weights = b.constant(fraction, i === 0 ? [out, 1, 1] : [out, 1], "float32");
      return b.op("Add", [first, b.op("Mul", [step, weights])]);
    },
    b.cast(images!, "float32"),
  );

/** The adjoint of resizing: the matrices transposed. */
const adjoint =
  (matrixOf: (length: number, out: number, attrs: ResizeAttrs) => Float32Array): Lowering =>
  (b, { images, dy }, attrs: ResizeAttrs) =>
    ([1, 2] as const).reduce((y, axis) => {
      const [length, out] = [images!.shape[axis]!, y.shape[axis]!];
      return applyAlong(b, transposed(matrixOf(length, out, attrs), out, length), length, y, axis);
    }, dy!);

export const images: Readonly<Record<string, Lowering>> = {
  ResizeNearestNeighbor: resizeNearest,
  ResizeNearestNeighborGrad: adjoint(nearestMatrix),
  ResizeBilinear: resizeBilinear,
  ResizeBilinearGrad: adjoint(bilinearMatrix),
};
