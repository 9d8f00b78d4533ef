import * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../../ir/graph.js";
import { registerGradient } from "./register.js";

/** x with `axis` between what is before and behind it: [outer, length, inner]. Keeps ranks small, whatever the rank of x. */
const around = (x: tf.Tensor, axis: number): tf.Tensor3D =>
  x.reshape([sizeOf(x.shape.slice(0, axis)), x.shape[axis]!, sizeOf(x.shape.slice(axis + 1))]);
const withLength = (shape: readonly number[], axis: number, length: number) =>
  shape.map((size, i) => (i === axis ? length : size)) as [number];

/** Sum over the copies, one axis after the other. */
registerGradient<{ reps: number[] }>("Tile", ["x"], (dy, [x], { reps }) => ({
  x: () =>
    reps.reduce((sum: tf.Tensor, count, axis) => {
      if (count === 1) return sum;
      const length = x!.shape[axis]!;
      const rows = around(sum, axis);
      const copies = rows.reshape([rows.shape[0], count, length, rows.shape[2]]);
      return copies.sum(1).reshape(withLength(sum.shape, axis, length));
    }, dy),
}));

/** dy at begin, begin + stride, ... along `axis` of zeros of the given length. */
function spreadOut(dy: tf.Tensor, axis: number, begin: number, stride: number, length: number): tf.Tensor {
  const count = dy.shape[axis]!;
  const step = Math.abs(stride);
  if (count === length && step === 1) return stride < 0 ? dy.reverse(axis) : dy;
  const rows = around(stride < 0 ? dy.reverse(axis) : dy, axis);
  const [outer, , inner] = rows.shape;
  const gaps = rows.reshape([outer, count, 1, inner]).pad([[0, 0], [0, 0], [0, step - 1], [0, 0]]); // biome-ignore format: one line
  const first = stride < 0 ? begin + (count - 1) * stride : begin;
  const kept = gaps.reshape([outer, count * step, inner]).slice([0, 0, 0], [outer, (count - 1) * step + 1, inner]);
  const padded = kept.pad([[0, 0], [first, length - first - ((count - 1) * step + 1)], [0, 0]]); // biome-ignore format: one line
  return padded.reshape(withLength(dy.shape, axis, length));
}

type StridedSliceAttrs = Record<"begin" | "end" | "strides", number[]> &
  Record<"beginMask" | "endMask" | "ellipsisMask" | "newAxisMask" | "shrinkAxisMask", number>;

registerGradient<StridedSliceAttrs>("StridedSlice", ["x"], (dy, [x], attrs) => ({
  x: () => {
    const { begin, end, strides } = tf.slice_util.sliceInfo(
      x!.shape, attrs.begin, attrs.end, attrs.strides, attrs.beginMask, attrs.endMask, attrs.ellipsisMask,
      attrs.newAxisMask, attrs.shrinkAxisMask,
    ); // biome-ignore format: tfjs's argument order
    if (dy.size === 0) return tf.zerosLike(x!);
    const counts = x!.shape.map((_, i) => Math.ceil((end[i]! - begin[i]!) / strides[i]!));
    return x!.shape.reduce(
      (y: tf.Tensor, length, axis) => spreadOut(y, axis, begin[axis]!, strides[axis]!, length),
      dy.reshape(counts as [number]),
    );
  },
}));

/** `count` rows of x [outer, length, inner]. */
const pieces = (x: tf.Tensor3D, at: number, count: number) => x.slice([0, at, 0], [-1, count, -1]);

/** The gradient of mirroring one axis, from that of the result: what was read twice is added up. */
function foldBack(dy: tf.Tensor, axis: number, [before, after]: readonly [number, number], inset: number): tf.Tensor {
  if (before + after === 0) return dy;
  const rows = around(dy, axis);
  const length = dy.shape[axis]! - before - after;
  const kept = pieces(rows, before, length);
  const left = pieces(rows, 0, before).reverse(1);
  const right = pieces(rows, before + length, after).reverse(1);
  const between = length - before - after - 2 * inset;
  const sum =
    between >= 0
      ? tf.concat(
          [
            pieces(kept, 0, inset),
            pieces(kept, inset, before).add(left),
            pieces(kept, inset + before, between),
            pieces(kept, length - inset - after, after).add(right),
            pieces(kept, length - inset, inset),
          ].filter(({ size }) => size > 0),
          1,
        )
      : kept
          .add(left.pad([[0, 0], [inset, length - inset - before], [0, 0]])) // biome-ignore format: one line
          .add(right.pad([[0, 0], [length - inset - after, inset], [0, 0]])); // biome-ignore format: one line
  return sum.reshape(withLength(dy.shape, axis, length));
}

/** tfjs's forgets the mirrored parts. */
registerGradient<{ paddings: [number, number][]; mode: "reflect" | "symmetric" }>(
  "MirrorPad",
  [],
  (dy, _, { paddings, mode }) => ({
    x: () => paddings.reduce((y: tf.Tensor, pads, axis) => foldBack(y, axis, pads, mode === "reflect" ? 1 : 0), dy),
  }),
);
