import * as tf from "@tensorflow/tfjs";
import type { Builder } from "../../ir/builder.js";
import type { Value } from "../../ir/graph.js";
import { convFilterGradient, convForward, convInputGradient } from "../../nn/conv-lowering.js";
import type { Geometry } from "../../nn/geometry.js";
import type { Lowering } from "../lowering.js";
import { type Activation, activate } from "./activations.js";
import { geometry2d, geometry3d } from "./windows.js";

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

/** What tfjs passes to its convolution kernels. */
export interface ConvAttrs {
  readonly strides: number | [number, number];
  readonly pad: "valid" | "same" | number;
  readonly dataFormat?: "NHWC" | "NCHW";
  readonly dilations?: number | [number, number];
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}
interface FusedAttrs extends ConvAttrs {
  readonly activation?: Activation;
  readonly leakyreluAlpha?: number;
}

/** One tfjs convolution: where its filter's axes are in PyTorch's layout, and its geometry. */
interface Kind {
  readonly geometry: (x: readonly number[], filter: readonly number[], attrs: ConvAttrs) => Geometry;
  /** tfjs's filter as [O, C / groups, ...kernel]. */
  readonly toTorch: (b: Builder, filter: Value) => Value;
  readonly fromTorch: (b: Builder, filter: Value, shape: readonly number[]) => Value;
}

const isChannelsFirst = ({ dataFormat }: ConvAttrs) => dataFormat === "NCHW";
const toLast = (b: Builder, x: Value, attrs: ConvAttrs) => (isChannelsFirst(attrs) ? b.transpose(x, [0, 2, 3, 1]) : x);
const fromLast = (b: Builder, x: Value, attrs: ConvAttrs) =>
  isChannelsFirst(attrs) ? b.transpose(x, [0, 3, 1, 2]) : x;

const plain2d: Kind = {
  geometry: (x, filter, { strides, pad, dataFormat, dilations, dimRoundingMode }) =>
    geometry2d(
      tf.backend_util.computeConv2DInfo(
        [...x] as Shape4, [...filter] as Shape4, strides, dilations ?? 1, pad, dimRoundingMode, false,
        dataFormat === "NCHW" ? "channelsFirst" : "channelsLast",
      ), // biome-ignore format: tfjs's argument order
    ),
  toTorch: (b, filter) => b.transpose(filter, [3, 2, 0, 1]),
  fromTorch: (b, filter) => b.transpose(filter, [2, 3, 1, 0]),
};

const plain3d: Kind = {
  geometry: (x, filter, { strides, pad, dilations }) =>
    geometry3d(
      tf.backend_util.computeConv3DInfo([...x] as Shape5, [...filter] as Shape5, strides as number, (dilations ?? 1) as number, pad),
    ), // biome-ignore format: one call
  toTorch: (b, filter) => b.transpose(filter, [4, 3, 0, 1, 2]),
  fromTorch: (b, filter) => b.transpose(filter, [2, 3, 4, 1, 0]),
};

/** A filter [H, W, C, multiplier]; output channel c * multiplier + m reads input channel c. */
const depthwise2d: Kind = {
  geometry: (x, filter, { strides, pad, dilations, dimRoundingMode }) =>
    geometry2d(
      tf.backend_util.computeConv2DInfo([...x] as Shape4, [...filter] as Shape4, strides, dilations ?? 1, pad, dimRoundingMode, true),
      x[3],
    ), // biome-ignore format: one call
  toTorch: (b, filter) => {
    const [height, width, channels, multiplier] = filter.shape as Shape4;
    return b.reshape(b.transpose(filter, [2, 3, 0, 1]), [channels * multiplier, 1, height, width]);
  },
  fromTorch: (b, filter, [height, width, channels, multiplier]) =>
    b.transpose(b.reshape(filter, [channels!, multiplier!, height!, width!]), [2, 3, 0, 1]),
};

function forward(b: Builder, kind: Kind, x: Value, filter: Value, attrs: ConvAttrs): Value {
  const geometry = kind.geometry(x.shape, filter.shape, attrs);
  const weights = kind.toTorch(b, filter);
  // Unlike nn.conv, tfjs has a window that is larger than the image fit nowhere.
  const nowhere = [x.shape[0]!, ...geometry.output, weights.shape[0]!];
  const y = nowhere.includes(0)
    ? b.full(0, nowhere, "float32")
    : convForward(b, toLast(b, x, attrs), weights, geometry);
  return fromLast(b, y, attrs);
}

const convolution =
  (kind: Kind): Lowering =>
  (b, { x, filter }, attrs: ConvAttrs) =>
    forward(b, kind, x!, filter!, attrs);

const inputGradient =
  (kind: Kind): Lowering =>
  (b, { dy, filter }, attrs: ConvAttrs & { readonly inputShape: readonly number[] }) => {
    const geometry = kind.geometry(attrs.inputShape, filter!.shape, attrs);
    return fromLast(b, convInputGradient(b, toLast(b, dy!, attrs), kind.toTorch(b, filter!), geometry), attrs);
  };

const filterGradient =
  (kind: Kind): Lowering =>
  (b, { x, dy }, attrs: ConvAttrs & { readonly filterShape: readonly number[] }) => {
    const geometry = kind.geometry(x!.shape, attrs.filterShape, attrs);
    const gradient = convFilterGradient(b, toLast(b, x!, attrs), toLast(b, dy!, attrs), geometry);
    return kind.fromTorch(b, gradient, attrs.filterShape);
  };

/** Convolution, bias by channel, activation. */
const fused =
  (kind: Kind): Lowering =>
  (b, { x, filter, bias, preluActivationWeights }, attrs: FusedAttrs) => {
    const byChannel = (value: Value) =>
      isChannelsFirst(attrs) && value.shape.length === 1 ? b.reshape(value, [value.size, 1, 1]) : value;
    const y = forward(b, kind, x!, filter!, attrs);
    const biased = bias === undefined ? y : b.op("Add", [y, byChannel(bias)]);
    const slopes = preluActivationWeights && byChannel(preluActivationWeights);
    return activate(b, biased, attrs.activation, slopes, attrs.leakyreluAlpha);
  };

export const convolutions: Readonly<Record<string, Lowering>> = {
  Conv2D: convolution(plain2d),
  Conv2DBackpropInput: inputGradient(plain2d),
  Conv2DBackpropFilter: filterGradient(plain2d),
  Conv3D: convolution(plain3d),
  Conv3DBackpropInputV2: inputGradient(plain3d),
  Conv3DBackpropFilterV2: filterGradient(plain3d),
  DepthwiseConv2dNative: convolution(depthwise2d),
  DepthwiseConv2dNativeBackpropInput: inputGradient(depthwise2d),
  DepthwiseConv2dNativeBackpropFilter: filterGradient(depthwise2d),
  FusedConv2D: fused(plain2d),
  FusedDepthwiseConv2D: fused(depthwise2d),
};

/** Geometries of tfjs's convolutions from the shapes of x and the filter. */
export const geometryOf = {
  Conv2D: plain2d.geometry,
  Conv3D: plain3d.geometry,
  DepthwiseConv2dNative: depthwise2d.geometry,
};
