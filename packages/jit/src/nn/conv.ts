import * as tf from "@tensorflow/tfjs";
import { JitError } from "../errors.js";
import type { Builder } from "../ir/builder.js";
import { sizeOf, type Value } from "../ir/graph.js";
import { takeRows } from "../trace/kernels/movement.js";
import { registerLowering } from "../trace/lowering.js";
import { filterGradientEager, forwardEager, inputGradientEager, registerEager } from "./conv-eager.js";
import { type Geometry, inputOfOutput, isPointwise, outputOfInput } from "./geometry.js";

export interface ConvOptions {
  readonly bias?: tf.Tensor;
  /** One number for all spatial dimensions, or one for each. */
  readonly stride?: number | readonly number[];
  /** "same": zeros on both sides so that stride 1 keeps the size (odd kernels, as in PyTorch); or zeros per side and dimension. */
  readonly pad?: "same" | "valid" | readonly number[];
  readonly groups?: number;
  readonly dilation?: number | readonly number[];
}

/**
 * Cross-correlation of x [N, ...spatial, C], 1 to 3 spatial dimensions, with a filter in PyTorch's layout [O, C / groups, ...kernel]:
 * [N, ...output, O]. Throws JIT201 when the shapes do not fit.
 */
export function conv<T extends tf.Tensor>(x: T, filter: tf.Tensor, options: ConvOptions = {}): T {
  const geometry = geometryOf(x.shape, filter.shape, options);
  const y = run(forwardName, { x, filter }, geometry);
  if (options.bias === undefined) return y as T;
  const channels = filter.shape[0]!;
  return y.reshape([-1, channels]).add(options.bias).reshape(y.shape) as T;
}

function geometryOf(x: readonly number[], filter: readonly number[], options: ConvOptions): Geometry {
  const { pad = "same", groups = 1 } = options;
  const rank = x.length - 2;
  const perAxis = (value: number | readonly number[]) =>
    typeof value === "number" ? Array<number>(rank).fill(value) : [...value];
  const kernel = filter.slice(2);
  const strides = perAxis(options.stride ?? 1);
  const dilations = perAxis(options.dilation ?? 1);
  const fail = (reason: string) => {
    throw new JitError("JIT201", `conv of x [${x}] with filter [${filter}]: ${reason}`, {
      hint: "x is [N, ...spatial, C] with 1 to 3 spatial dimensions, the filter [O, C / groups, ...kernel].",
    });
  };
  if (rank < 1 || rank > 3 || kernel.length !== rank) fail("the number of spatial dimensions differs or is not 1 to 3");
  if (x.at(-1) !== filter[1]! * groups || filter[0]! % groups !== 0) fail(`the channels do not fit ${groups} groups`);
  if (pad === "same" && kernel.some((size) => size % 2 === 0)) fail('"same" padding needs odd kernels');
  const padsBefore = kernel.map((size, i) => {
    if (pad === "valid") return 0;
    return pad === "same"
      ? (dilations[i]! * (size - 1)) / 2
      : (pad[i] ?? fail("one padding per spatial dimension is needed"));
  });
  const input = x.slice(1, -1);
  const output = input.map(
    (size, i) => Math.floor((size + 2 * padsBefore[i]! - dilations[i]! * (kernel[i]! - 1) - 1) / strides[i]!) + 1,
  );
  if (output.some((size) => size < 1)) fail("the kernel is larger than the padded input");
  return { input, output, kernel, strides, padsBefore, dilations, groups };
}

const forwardName = "JitConv";
const inputGradientName = "JitConvInputGradient";
const filterGradientName = "JitConvFilterGradient";

const run = (kernel: string, inputs: Record<string, tf.Tensor>, geometry: Geometry): tf.Tensor =>
  tf.engine().runKernel(kernel, inputs, { ...geometry } as unknown as tf.NamedAttrMap);

/** [M, taps * C] patches as [groups, M, taps * C / groups]. */
function byGroup(b: Builder, x: Value, rows: number, taps: number, groups: number): Value {
  const channels = x.size / (rows * taps * groups);
  const split = b.transpose(b.reshape(x, [rows, taps, groups, channels]), [2, 0, 1, 3]);
  return b.reshape(split, [groups, rows, taps * channels]);
}

/** Patches [N * positions, taps * C] of x [N, ...spatial, C]. */
function patches(b: Builder, x: Value, indices: Int32Array, taps: number): Value {
  const channels = x.shape.at(-1)!;
  const batch = x.shape[0]!;
  const rows = takeRows(b, b.reshape(x, [batch, x.size / (batch * channels), channels]), indices);
  return b.reshape(rows, [(batch * indices.length) / taps, taps * channels]);
}

registerLowering(forwardName, (b, { x, filter }, geometry: Geometry) => {
  const { kernel, groups } = geometry;
  const [out, perGroup] = filter!.shape as [number, number];
  const taps = sizeOf(kernel);
  const shape = [x!.shape[0]!, ...geometry.output, out];
  const rows = sizeOf(shape) / out;
  const cells = isPointwise(geometry)
    ? b.reshape(x!, [rows, groups * perGroup])
    : patches(b, x!, inputOfOutput(geometry), taps);
  const weights = b.reshape(b.transpose(b.reshape(filter!, [out, perGroup, taps]), [0, 2, 1]), [out, taps * perGroup]);
  if (groups === 1) return b.reshape(b.op("Gemm", [cells, weights], { transA: 0, transB: 1 }), shape);
  const grouped = b.transpose(b.reshape(weights, [groups, out / groups, taps * perGroup]), [0, 2, 1]);
  const product = b.op("MatMul", [byGroup(b, cells, rows, taps, groups), grouped]);
  return b.reshape(b.transpose(product, [1, 0, 2]), shape);
});

registerLowering(inputGradientName, (b, { dy, filter }, geometry: Geometry) => {
  const { kernel, groups } = geometry;
  const [out, perGroup] = filter!.shape as [number, number];
  const taps = sizeOf(kernel);
  const shape = [dy!.shape[0]!, ...geometry.input, groups * perGroup];
  const rows = sizeOf(shape) / (groups * perGroup);
  const cells = isPointwise(geometry) ? b.reshape(dy!, [rows, out]) : patches(b, dy!, outputOfInput(geometry), taps);
  const byOutput = b.reshape(filter!, [groups, out / groups, perGroup, taps]);
  const weights = b.reshape(b.transpose(byOutput, [0, 3, 1, 2]), [groups, (taps * out) / groups, perGroup]);
  if (groups === 1) {
    const matrix = b.reshape(weights, [taps * out, perGroup]);
    return b.reshape(b.op("Gemm", [cells, matrix], { transA: 0, transB: 0 }), shape);
  }
  const product = b.op("MatMul", [byGroup(b, cells, rows, taps, groups), weights]);
  return b.reshape(b.transpose(product, [1, 0, 2]), shape);
});

registerLowering(filterGradientName, (b, { x, dy }, geometry: Geometry) => {
  const { kernel, groups } = geometry;
  const channels = x!.shape.at(-1)!;
  const out = dy!.shape.at(-1)!;
  const perGroup = channels / groups;
  const taps = sizeOf(kernel);
  const rows = dy!.size / out;
  const cells = isPointwise(geometry) ? b.reshape(x!, [rows, channels]) : patches(b, x!, inputOfOutput(geometry), taps);
  const dy2 = b.reshape(dy!, [rows, out]);
  const shape = [out, perGroup, ...kernel];
  if (groups === 1) {
    const product = b.op("Gemm", [dy2, cells], { transA: 1, transB: 0 });
    return b.reshape(b.transpose(b.reshape(product, [out, taps, channels]), [0, 2, 1]), shape);
  }
  const grouped = b.transpose(b.reshape(dy2, [rows, groups, out / groups]), [1, 2, 0]);
  const product = b.op("MatMul", [grouped, byGroup(b, cells, rows, taps, groups)]);
  return b.reshape(b.transpose(b.reshape(product, [out, taps, perGroup]), [0, 2, 1]), shape);
});

registerEager(forwardName, ["x", "filter"], forwardEager);
registerEager(inputGradientName, ["dy", "filter"], inputGradientEager);
registerEager(filterGradientName, ["x", "dy"], filterGradientEager);

/** A convolution is linear in each input, so the three kernels are each other's gradients. */
const gradient = (
  kernelName: string,
  inputsToSave: [string, string],
  gradFunc: (dy: tf.Tensor, saved: tf.Tensor[], geometry: Geometry) => Record<string, () => tf.Tensor>,
) =>
  tf.registerGradient({
    kernelName,
    inputsToSave,
    gradFunc: (dy, saved, attrs) => gradFunc(dy as tf.Tensor, saved, attrs as unknown as Geometry),
  });

gradient(forwardName, ["x", "filter"], (dy, [x, filter], geometry) => ({
  x: () => run(inputGradientName, { dy, filter: filter! }, geometry),
  filter: () => run(filterGradientName, { x: x!, dy }, geometry),
}));
gradient(inputGradientName, ["dy", "filter"], (ddx, [dy, filter], geometry) => ({
  dy: () => run(forwardName, { x: ddx, filter: filter! }, geometry),
  filter: () => run(filterGradientName, { x: ddx, dy: dy! }, geometry),
}));
gradient(filterGradientName, ["x", "dy"], (dfilter, [x, dy], geometry) => ({
  x: () => run(inputGradientName, { dy: dy!, filter: dfilter }, geometry),
  dy: () => run(forwardName, { x: x!, filter: dfilter }, geometry),
}));
