import * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../../ir/graph.js";
import { registerGradient } from "./register.js";

interface ScanAttrs {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

/** y [outer, length, inner] moved `by` places up the middle axis, `value` moved in. */
function later(y: tf.Tensor3D, by: number, value: number): tf.Tensor3D {
  const [outer, length, inner] = y.shape;
  return tf.concat([tf.fill([outer, by, inner], value), y.slice([0, 0, 0], [outer, length - by, inner])], 1);
}

/** The adjoint of `later` with zeros. */
function earlier(y: tf.Tensor3D, by: number): tf.Tensor3D {
  const [outer, length, inner] = y.shape;
  return tf.concat([y.slice([0, by, 0], [outer, length - by, inner]), tf.zeros([outer, by, inner])], 1);
}

/** Gradient of the products of prefixes of x, step by step through their computation by doubling: dy y / x would fail at zeros. */
function prefixGradient(x: tf.Tensor3D, dy: tf.Tensor3D, exclusive: boolean): tf.Tensor3D {
  const length = x.shape[1];
  const steps: { readonly y: tf.Tensor3D; readonly by: number }[] = [];
  let y = exclusive ? later(x, 1, 1) : x;
  for (let by = 1; by < length; by *= 2) {
    steps.push({ y, by });
    y = y.mul(later(y, by, 1));
  }
  const gradient = steps.reduceRight<tf.Tensor3D>(
    (g, { y, by }) => g.mul(later(y, by, 1)).add(earlier(g.mul(y), by)),
    dy,
  );
  return exclusive ? earlier(gradient, 1) : gradient;
}

/** tfjs's comes out transposed unless the axis is the last. */
registerGradient<ScanAttrs>("Cumsum", [], (dy, _, { axis, exclusive, reverse }) => ({
  x: () => tf.cumsum(dy, axis, exclusive, !reverse),
}));

registerGradient<ScanAttrs>("Cumprod", ["x"], (dy, [x], { axis, exclusive, reverse }) => ({
  x: () => {
    const at = axis < 0 ? axis + x!.rank : axis;
    const rows = (y: tf.Tensor): tf.Tensor3D => {
      const flat = y.reshape([sizeOf(y.shape.slice(0, at)), y.shape[at]!, sizeOf(y.shape.slice(at + 1))]);
      return (reverse ? flat.reverse(1) : flat) as tf.Tensor3D;
    };
    const gradient = prefixGradient(rows(x!), rows(dy), exclusive);
    return (reverse ? gradient.reverse(1) : gradient).reshape(x!.shape);
  },
}));
