import * as tf from "@tensorflow/tfjs";
import { bilinearTaps, nearestIndices, type ResizeAttrs } from "../resizing.js";
import { registerGradient } from "./register.js";

type Matrix = (length: number, out: number, attrs: ResizeAttrs) => tf.Tensor;

const oneHot = (indices: Int32Array, depth: number) => tf.oneHot(tf.tensor1d(indices, "int32"), depth).toFloat();

/** [out, length] weights of resizing along one axis. Made of vectors, because matrices are too large for constants of a program. */
const nearest: Matrix = (length, out, attrs) => oneHot(nearestIndices(length, out, attrs), length);
const bilinear: Matrix = (length, out, attrs) => {
  const { low, high, fraction } = bilinearTaps(length, out, attrs);
  const weight = tf.tensor2d(fraction, [out, 1]);
  return oneHot(low, length).mul(tf.sub(1, weight)).add(oneHot(high, length).mul(weight));
};

/**
 * Resizing is a product with a matrix along H and one along W, so its gradient is one with their transposes. tfjs's own ignores half
 * pixel centres, and confuses the sides of images that are not square.
 */
function adjoint(dy: tf.Tensor, shape: readonly number[], matrix: Matrix, attrs: ResizeAttrs): tf.Tensor {
  const [n, h, w, c] = shape as [number, number, number, number];
  const [, height, width] = dy.shape as [number, number, number, number];
  const rows = tf.matMul(matrix(h, height, attrs).expandDims(0), dy.reshape([n, height, width * c]), true, false);
  const columns = tf.matMul(matrix(w, width, attrs).expandDims(0), rows.reshape([n * h, width, c]), true, false);
  return columns.reshape([n, h, w, c]);
}

for (const [kernelName, matrix] of [
  ["ResizeBilinear", bilinear],
  ["ResizeNearestNeighbor", nearest],
] as const) {
  registerGradient<ResizeAttrs>(kernelName, ["images"], (dy, [images], attrs) => ({
    images: () => adjoint(dy, images!.shape, matrix, attrs),
  }));
}

registerGradient("FlipLeftRight", ["image"], (dy) => ({ image: () => tf.image.flipLeftRight(dy as tf.Tensor4D) }));

/** The blocks of channels put back: [N, H block, W block, C] to [N, H, W, block² C]. */
registerGradient<{ blockSize: number; dataFormat: "NHWC" | "NCHW" }>("DepthToSpace", ["x"], (dy, [x], attrs) => ({
  x: () => {
    const { blockSize: k } = attrs;
    const [n, a, c, d] = x!.shape as [number, number, number, number];
    if (attrs.dataFormat === "NCHW") {
      return dy
        .reshape([n, a / (k * k), c, k, d, k])
        .transpose([0, 3, 5, 1, 2, 4])
        .reshape(x!.shape);
    }
    return dy
      .reshape([n, a, k, c, k, d / (k * k)])
      .transpose([0, 1, 3, 2, 4, 5])
      .reshape(x!.shape);
  },
}));
