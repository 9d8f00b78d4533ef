import * as tf from "@tensorflow/tfjs";
import type { Geometry } from "../../nn/geometry.js";
import { type GeometryOf, type PoolAttrs, pool2d, pool3d } from "../kernels/pooling.js";
import { countsAlong } from "../kernels/windows.js";
import { registerGradient, runKernel } from "./register.js";

/**
 * x divided by the share of each window that is inside the input. tfjs averages over that share but spreads gradients as if padding
 * counted.
 */
function perShare(x: tf.Tensor, geometry: Geometry): tf.Tensor {
  return geometry.kernel.reduce((y: tf.Tensor, taps, axis) => {
    const counts = countsAlong(geometry, axis);
    if (counts.every((count) => count === taps)) return y;
    const shape = x.shape.map((_, i) => (i === axis + 1 ? counts.length : 1));
    return y.mul(tf.tensor1d(counts.map((count) => taps / count)).reshape(shape));
  }, x);
}

function average(forward: string, backward: string, geometryOf: GeometryOf): void {
  registerGradient<PoolAttrs>(forward, ["x"], (dy, [x], attrs) => ({
    x: () => runKernel(backward, { dy: perShare(dy, geometryOf(x!.shape, attrs)), input: x! }, attrs),
  }));
  registerGradient<PoolAttrs>(backward, ["dy", "input"], (ddx, [, input], attrs) => ({
    dy: () => {
      const geometry = geometryOf(input!.shape, attrs);
      const inside = perShare(tf.ones([1, ...geometry.output, 1]), geometry);
      return runKernel(forward, { x: ddx }, attrs).div(inside);
    },
    input: () => tf.zerosLike(input!),
  }));
}

average("AvgPool", "AvgPoolGrad", pool2d);
average("AvgPool3D", "AvgPool3DGrad", pool3d);
