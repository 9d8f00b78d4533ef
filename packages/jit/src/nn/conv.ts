import * as tf from "@tensorflow/tfjs";
import { JitError } from "../errors.js";
import { registerLowering } from "../trace/lowering.js";
import { filterGradientEager, forwardEager, inputGradientEager, registerEager } from "./conv-eager.js";
import { convFilterGradient, convForward, convInputGradient } from "./conv-lowering.js";
import type { Geometry } from "./geometry.js";

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

export const forwardName = "JitConv";
export const inputGradientName = "JitConvInputGradient";
export const filterGradientName = "JitConvFilterGradient";

const run = (kernel: string, inputs: Record<string, tf.Tensor>, geometry: Geometry): tf.Tensor =>
  tf.engine().runKernel(kernel, inputs, { ...geometry } as unknown as tf.NamedAttrMap);

registerLowering(forwardName, (b, { x, filter }, geometry: Geometry) => convForward(b, x!, filter!, geometry));
registerLowering(inputGradientName, (b, { dy, filter }, geometry: Geometry) =>
  convInputGradient(b, dy!, filter!, geometry),
);
registerLowering(filterGradientName, (b, { x, dy }, geometry: Geometry) => convFilterGradient(b, x!, dy!, geometry));

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
