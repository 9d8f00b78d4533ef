import * as tf from "@tensorflow/tfjs";
import type { Builder } from "../../ir/builder.js";
import { type DType, sizeOf, type Value } from "../../ir/graph.js";
import { type Geometry, inputOfOutput } from "../../nn/geometry.js";
import type { Lowering } from "../lowering.js";
import {
  atLargest,
  countsAlong,
  foldWindows,
  geometry2d,
  geometry3d,
  isLargest,
  reduceWindows,
  sumOverReaders,
  windows,
} from "./windows.js";

/** What tfjs passes to its pooling kernels. */
export interface PoolAttrs {
  readonly filterSize: number | [number, number];
  readonly strides: number | [number, number];
  readonly pad: "valid" | "same" | number;
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
  readonly dataFormat?: "NDHWC" | "NCDHW";
}
export type GeometryOf = (shape: readonly number[], attrs: PoolAttrs) => Geometry;

export const pool2d: GeometryOf = (shape, { filterSize, strides, pad, dimRoundingMode }) =>
  geometry2d(
    tf.backend_util.computePool2DInfo([...shape] as [number, number, number, number], filterSize, strides, 1, pad, dimRoundingMode),
  ); // biome-ignore format: one call

export const pool3d: GeometryOf = (shape, { filterSize, strides, pad, dimRoundingMode, dataFormat }) =>
  geometry3d(
    tf.backend_util.computePool3DInfo(
      [...shape] as [number, number, number, number, number],
      filterSize as number,
      strides as number,
      1,
      pad,
      dimRoundingMode,
      dataFormat,
    ),
  );

/** Below everything: what padding contributes to a maximum. */
const lowest = (x: Value) => (x.dtype === "int32" ? -(2 ** 31) : Number.NEGATIVE_INFINITY);

/** tfjs's pooling passes over what is no number. */
const comparable = (b: Builder, x: Value) =>
  x.dtype === "float32" ? b.op("Where", [b.op("IsNaN", [x]), b.scalar(Number.NEGATIVE_INFINITY), x]) : x;

/** How many input positions are inside each window, [1, ...output, 1]. */
function windowCounts(b: Builder, geometry: Geometry): Value {
  const rank = geometry.input.length;
  return geometry.kernel
    .map((_, axis) => {
      const counts = countsAlong(geometry, axis);
      const shape = Array.from({ length: rank + 2 }, (_, i) => (i === axis + 1 ? counts.length : 1));
      return b.constant(counts, shape, "float32");
    })
    .reduce((product, counts) => b.op("Mul", [product, counts]));
}

const maxPool =
  (geometryOf: GeometryOf): Lowering =>
  (b, { x }, attrs: PoolAttrs) =>
    reduceWindows(b, "ReduceMax", comparable(b, x!), geometryOf(x!.shape, attrs), lowest(x!));

const avgPool =
  (geometryOf: GeometryOf): Lowering =>
  (b, { x }, attrs: PoolAttrs) => {
    const geometry = geometryOf(x!.shape, attrs);
    const sum = reduceWindows(b, "ReduceSum", b.cast(x!, "float32"), geometry, 0);
    const counts = windowCounts(b, geometry);
    // A window that is padding alone has mean 0 in tfjs's AvgPool3D, and none in its AvgPool.
    const divisor = geometry.input.length === 3 ? b.op("Max", [counts, b.scalar(1)]) : counts;
    return b.cast(b.op("Div", [sum, divisor]), x!.dtype as DType);
  };

const maxPoolGrad =
  (geometryOf: GeometryOf): Lowering =>
  (b, { dy, input }, attrs: PoolAttrs) => {
    const geometry = geometryOf(input!.shape, attrs);
    const window = windows(b, comparable(b, input!), geometry, lowest(input!));
    const rows = b.reshape(dy!, [dy!.shape[0]!, sizeOf(geometry.output), dy!.shape.at(-1)!]);
    return foldWindows(b, atLargest(b, window, rows), geometry);
  };

/** tfjs divides by the whole window here, padding or not; the gradient registered for AvgPool makes up for that. */
const avgPoolGrad =
  (geometryOf: GeometryOf): Lowering =>
  (b, { dy, input }, attrs: PoolAttrs) => {
    const geometry = geometryOf(input!.shape, attrs);
    return sumOverReaders(b, b.op("Div", [dy!, b.scalar(sizeOf(geometry.kernel))]), geometry);
  };

/** Maximum of every window and the flat index of it in the input (with the sample's offset if asked for). */
const maxPoolWithArgmax: Lowering = (b, { x }, attrs: PoolAttrs & { readonly includeBatchInIndex: boolean }) => {
  tf.util.assert(x!.shape.length === 4, () => `tf.maxPoolWithArgmax takes images [N, H, W, C], not [${x!.shape}]`);
  const geometry = pool2d(x!.shape, attrs);
  const [batch, channels] = [x!.shape[0]!, x!.shape[3]!];
  const [positions, taps, cells] = [sizeOf(geometry.output), sizeOf(geometry.kernel), sizeOf(geometry.input)];
  const shape = [batch, ...geometry.output, channels];
  const window = windows(b, comparable(b, x!), geometry, lowest(x!));
  const cellOfTap = b.constant(inputOfOutput(geometry), [positions, taps, 1], "int32");
  const cell = b.reduce(
    "ReduceMax",
    b.op("Where", [isLargest(b, window), cellOfTap, b.scalar(-1, "int32")]),
    [2],
    false,
  );
  const offset = Int32Array.from({ length: batch * channels }, (_, i) => {
    const sample = attrs.includeBatchInIndex ? Math.floor(i / channels) : 0;
    return sample * cells * channels + (i % channels);
  });
  const index = b.op("Add", [
    b.op("Mul", [cell, b.scalar(channels, "int32")]),
    b.constant(offset, [batch, 1, channels], "int32"),
  ]);
  return [b.reshape(b.reduce("ReduceMax", window, [2], false), shape), b.reshape(index, shape)];
};

export const pooling: Readonly<Record<string, Lowering>> = {
  MaxPool: maxPool(pool2d),
  MaxPool3D: maxPool(pool3d),
  AvgPool: avgPool(pool2d),
  AvgPool3D: avgPool(pool3d),
  MaxPoolGrad: maxPoolGrad(pool2d),
  MaxPool3DGrad: maxPoolGrad(pool3d),
  AvgPoolGrad: avgPoolGrad(pool2d),
  AvgPool3DGrad: avgPoolGrad(pool3d),
  MaxPoolWithArgmax: maxPoolWithArgmax,
};
