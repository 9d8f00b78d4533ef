import * as tf from "@tensorflow/tfjs";
import { JitError } from "../errors.js";
import "./conv.js";
import type { Geometry } from "./geometry.js";

export interface ConvTransposeOptions {
  readonly bias?: tf.Tensor;
  /** One number for all spatial dimensions, or one for each. Default 1. */
  readonly stride?: number | readonly number[];
  /** Positions cut off both sides of the result. Default 0. */
  readonly pad?: number | readonly number[];
  /** Positions added behind the result; smaller than stride or dilation. Default 0. */
  readonly outputPad?: number | readonly number[];
  readonly groups?: number;
  readonly dilation?: number | readonly number[];
}

/**
 * Transposed convolution of x [N, ...spatial, C], 1 to 3 spatial dimensions, with a filter in PyTorch's layout
 * [C, O / groups, ...kernel]: [N, ...output, O], where output = (size - 1) stride - 2 pad + dilation (kernel - 1) + outputPad + 1.
 * The gradient of `conv` by its input. Throws JIT201 when the shapes do not fit.
 */
export function convTranspose<T extends tf.Tensor>(x: T, filter: tf.Tensor, options: ConvTransposeOptions = {}): T {
  const geometry = geometryOf(x.shape, filter.shape, options);
  const y = tf
    .engine()
    .runKernel("JitConvInputGradient", { dy: x, filter }, { ...geometry } as unknown as tf.NamedAttrMap) as tf.Tensor;
  if (options.bias === undefined) return y as T;
  return y
    .reshape([-1, y.shape.at(-1)!])
    .add(options.bias)
    .reshape(y.shape) as T;
}

/** The geometry of the convolution that this one transposes: its input is the result here. */
function geometryOf(x: readonly number[], filter: readonly number[], options: ConvTransposeOptions): Geometry {
  const { groups = 1 } = options;
  const rank = x.length - 2;
  const fail = (reason: string): never => {
    throw new JitError("JIT201", `convTranspose of x [${x}] with filter [${filter}]: ${reason}`, {
      hint: "x is [N, ...spatial, C] with 1 to 3 spatial dimensions, the filter [C, O / groups, ...kernel].",
    });
  };
  const perAxis = (value: number | readonly number[] | undefined, otherwise: number) => {
    const values = typeof value === "object" ? [...value] : Array<number>(rank).fill(value ?? otherwise);
    return values.length === rank ? values : fail("one number per spatial dimension is needed");
  };
  const kernel = filter.slice(2);
  if (rank < 1 || rank > 3 || kernel.length !== rank) fail("the number of spatial dimensions differs or is not 1 to 3");
  if (x.at(-1) !== filter[0] || filter[0]! % groups !== 0) fail(`the channels do not fit ${groups} groups`);
  const strides = perAxis(options.stride, 1);
  const dilations = perAxis(options.dilation, 1);
  const padsBefore = perAxis(options.pad, 0);
  const outputPad = perAxis(options.outputPad, 0);
  if (outputPad.some((pad, i) => pad >= Math.max(strides[i]!, dilations[i]!))) {
    fail("outputPad must be smaller than stride or dilation");
  }
  const output = x.slice(1, -1);
  const input = output.map(
    (size, i) => (size - 1) * strides[i]! - 2 * padsBefore[i]! + dilations[i]! * (kernel[i]! - 1) + outputPad[i]! + 1,
  );
  if (input.some((size) => size < 1)) fail("nothing is left of the result after padding");
  return { input, output, kernel, strides, padsBefore, dilations, groups };
}
