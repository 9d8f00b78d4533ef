import type * as tf from "@tensorflow/tfjs";
import type { Builder } from "../../ir/builder.js";
import { type DType, sizeOf, Value } from "../../ir/graph.js";
import { type Geometry, inputOfOutput, outputOfInput } from "../../nn/geometry.js";
import { takeRows } from "./movement.js";

/** What tfjs's `computePool2DInfo` and its siblings compute, as the geometry of one group. Channels come last. */
export function geometry2d(info: tf.backend_util.Conv2DInfo, groups = 1): Geometry {
  return {
    input: [info.inHeight, info.inWidth],
    output: [info.outHeight, info.outWidth],
    kernel: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    padsBefore: [info.padInfo.top, info.padInfo.left],
    dilations: [info.dilationHeight, info.dilationWidth],
    groups,
  };
}

export function geometry3d(info: tf.backend_util.Conv3DInfo): Geometry {
  return {
    input: [info.inDepth, info.inHeight, info.inWidth],
    output: [info.outDepth, info.outHeight, info.outWidth],
    kernel: [info.filterDepth, info.filterHeight, info.filterWidth],
    strides: [info.strideDepth, info.strideHeight, info.strideWidth],
    padsBefore: [info.padInfo.front, info.padInfo.top, info.padInfo.left],
    dilations: [info.dilationDepth, info.dilationHeight, info.dilationWidth],
    groups: 1,
  };
}

/** The geometry of one spatial dimension. */
const alongAxis = (geometry: Geometry, axis: number): Geometry => ({
  input: [geometry.input[axis]!],
  output: [geometry.output[axis]!],
  kernel: [geometry.kernel[axis]!],
  strides: [geometry.strides[axis]!],
  padsBefore: [geometry.padsBefore[axis]!],
  dilations: [geometry.dilations[axis]!],
  groups: 1,
});

/** How many input positions are inside the window of each output position, along one spatial dimension. */
export function countsAlong(geometry: Geometry, axis: number): Float32Array {
  const table = inputOfOutput(alongAxis(geometry, axis));
  const taps = geometry.kernel[axis]!;
  return Float32Array.from(
    { length: geometry.output[axis]! },
    (_, row) => table.subarray(row * taps, (row + 1) * taps).filter((index) => index >= 0).length,
  );
}

/** The slices of x at `indices` along `axis`, where index -1 gives `fill`. */
export function takeAlong(b: Builder, x: Value, axis: number, indices: Int32Array, fill: number): Value {
  const missing = indices.includes(-1);
  const length = x.shape[axis]!;
  const padding = () =>
    b.full(
      fill,
      x.shape.map((size, i) => (i === axis ? 1 : size)),
      x.dtype as DType,
    );
  const source = missing ? b.op("Concat", [x, padding()], { axis }) : x;
  const data = missing ? indices.map((index) => (index < 0 ? length : index)) : indices;
  return b.op("Gather", [source, new Value([data.length], "int32", data)], { axis });
}

/**
 * Reduces groups of slices along `axis`: row r of the result is the reduction of the slices `table[r * columns ...]`, `fill` where
 * the table has -1. A table that merely cuts the axis in equal pieces costs a reshape.
 */
export function reduceAlong(
  b: Builder,
  op: "ReduceSum" | "ReduceMax",
  x: Value,
  axis: number,
  table: Int32Array,
  columns: number,
  fill: number,
): Value {
  const rows = table.length / columns;
  const pieces = table.length === x.shape[axis] && table.every((index, i) => index === i);
  const taken = pieces ? x : takeAlong(b, x, axis, table, fill);
  const shape = [...x.shape.slice(0, axis), rows, columns, ...x.shape.slice(axis + 1)];
  if (columns === 1) return taken;
  return b.reduce(op, b.reshape(taken, shape), [axis + 1], false);
}

/** Reduction over the window of every output position of x [N, ...input, C], one spatial dimension after the other: [N, ...output, C]. */
export function reduceWindows(
  b: Builder,
  op: "ReduceSum" | "ReduceMax",
  x: Value,
  geometry: Geometry,
  fill: number,
): Value {
  return geometry.input.reduce(
    (y, _, axis) =>
      reduceAlong(b, op, y, axis + 1, inputOfOutput(alongAxis(geometry, axis)), geometry.kernel[axis]!, fill),
    x,
  );
}

/** Sum over the output positions of y [N, ...output, C] whose windows hold an input position: [N, ...input, C]. */
export function sumOverReaders(b: Builder, y: Value, geometry: Geometry): Value {
  return geometry.output.reduce(
    (x, _, axis) =>
      reduceAlong(b, "ReduceSum", x, axis + 1, outputOfInput(alongAxis(geometry, axis)), geometry.kernel[axis]!, 0),
    y,
  );
}

/** The windows of x [N, ...input, C] as [N, positions, taps, C], `fill` outside the input. */
export function windows(b: Builder, x: Value, geometry: Geometry, fill: number): Value {
  const [batch, channels] = [x.shape[0]!, x.shape.at(-1)!];
  const rows = b.reshape(x, [batch, sizeOf(geometry.input), channels]);
  const taps = sizeOf(geometry.kernel);
  return b.reshape(takeAlong(b, rows, 1, inputOfOutput(geometry), fill), [
    batch,
    sizeOf(geometry.output),
    taps,
    channels,
  ]);
}

/** Adds up what the windows [N, positions, taps, C] give to each input position: [N, ...input, C]. The adjoint of `windows`. */
export function foldWindows(b: Builder, y: Value, geometry: Geometry): Value {
  const [batch, channels] = [y.shape[0]!, y.shape.at(-1)!];
  const taps = sizeOf(geometry.kernel);
  const positions = outputOfInput(geometry);
  const indices = positions.map((position, i) => (position < 0 ? -1 : position * taps + (i % taps)));
  const taken = takeRows(b, b.reshape(y, [batch, sizeOf(geometry.output) * taps, channels]), indices);
  const sum = b.reduce("ReduceSum", b.reshape(taken, [batch, sizeOf(geometry.input), taps, channels]), [2], false);
  return b.reshape(sum, [batch, ...geometry.input, channels]);
}

/** Where each window [N, positions, taps, C] has its largest element, the first one of equals: true in one place of each. */
export function isLargest(b: Builder, window: Value): Value {
  const taps = window.shape[2]!;
  const tap = new Value(
    [taps, 1],
    "int32",
    Int32Array.from({ length: taps }, (_, i) => i),
  );
  // Not by ArgMax, whose int64 result WebGPU cannot use.
  const largest = b.op("Equal", [window, b.reduce("ReduceMax", window, [2], true)]);
  const first = b.reduce("ReduceMin", b.op("Where", [largest, tap, b.scalar(taps, "int32")]), [2], true);
  return b.op("Equal", [first, tap]);
}

/** dy [N, positions, C] at the largest element of each window [N, positions, taps, C]; zero elsewhere. */
export function atLargest(b: Builder, window: Value, dy: Value): Value {
  const [batch, positions, , channels] = window.shape as [number, number, number, number];
  return b.op("Where", [isLargest(b, window), b.reshape(dy, [batch, positions, 1, channels]), b.scalar(0)]);
}
