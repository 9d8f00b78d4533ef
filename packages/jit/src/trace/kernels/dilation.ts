import * as tf from "@tensorflow/tfjs";
import type { Builder } from "../../ir/builder.js";
import { sizeOf, type Value } from "../../ir/graph.js";
import type { Geometry } from "../../nn/geometry.js";
import type { Lowering } from "../lowering.js";
import { atLargest, foldWindows, geometry2d, windows } from "./windows.js";

interface DilationAttrs {
  readonly strides: [number, number] | number;
  readonly pad: "valid" | "same";
  readonly dilations: [number, number] | number;
}

function geometryOf(x: Value, filter: Value, { strides, pad, dilations }: DilationAttrs): Geometry {
  return geometry2d(
    tf.backend_util.computeDilation2DInfo(
      [...x.shape] as [number, number, number, number],
      [...filter.shape] as [number, number, number],
      strides,
      pad,
      "NHWC",
      dilations,
    ),
  );
}

/** Windows of x plus the filter [N, positions, taps, C]. Padding is tfjs's smallest value. */
function sums(b: Builder, x: Value, filter: Value, geometry: Geometry): Value {
  const taps = sizeOf(geometry.kernel);
  const weights = b.reshape(filter, [taps, filter.size / taps]);
  return b.op("Add", [windows(b, x, geometry, Number.MIN_SAFE_INTEGER), weights]);
}

/** dy at the tap that gave the maximum, [N, positions, taps, C]. */
function spread(b: Builder, x: Value, filter: Value, dy: Value, geometry: Geometry): Value {
  const rows = b.reshape(dy, [dy.shape[0]!, sizeOf(geometry.output), dy.shape[3]!]);
  return atLargest(b, sums(b, x, filter, geometry), rows);
}

/** Greyscale morphological dilation: the maximum of window plus filter. */
export const dilation: Readonly<Record<string, Lowering>> = {
  Dilation2D: (b, { x, filter }, attrs: DilationAttrs) => {
    const geometry = geometryOf(x!, filter!, attrs);
    const largest = b.reduce("ReduceMax", sums(b, x!, filter!, geometry), [2], false);
    return b.reshape(largest, [x!.shape[0]!, ...geometry.output, x!.shape[3]!]);
  },
  Dilation2DBackpropInput: (b, { x, filter, dy }, attrs: DilationAttrs) => {
    const geometry = geometryOf(x!, filter!, attrs);
    return foldWindows(b, spread(b, x!, filter!, dy!, geometry), geometry);
  },
  Dilation2DBackpropFilter: (b, { x, filter, dy }, attrs: DilationAttrs) => {
    const geometry = geometryOf(x!, filter!, attrs);
    return b.reshape(b.reduce("ReduceSum", spread(b, x!, filter!, dy!, geometry), [0, 1], false), filter!.shape);
  },
};
