import { nn, tf } from "@cmmd/jit";
import { type Parameters, weightOf } from "./weight-norm.js";

/** The slope of every LeakyReLU of MelGAN below zero. */
const slope = 0.2;

export const leakyRelu = (x: tf.Tensor3D): tf.Tensor3D => tf.leakyRelu(x, slope);

/** x [N, L, C] with `pad` positions mirrored at both ends, the end itself not repeated. */
export const reflect = (x: tf.Tensor3D, pad: number): tf.Tensor3D =>
  tf.mirrorPad(
    x,
    [
      [0, 0],
      [pad, pad],
      [0, 0],
    ],
    "reflect",
  );

export interface ConvolutionOptions {
  readonly pad?: number;
  readonly stride?: number;
  readonly groups?: number;
  readonly dilation?: number;
}

/** The convolution of x [N, L, C] whose parameters begin with `name`. */
export const convolution = (p: Parameters, name: string, x: tf.Tensor3D, options: ConvolutionOptions = {}) =>
  nn.conv(x, weightOf(p, name), { ...options, pad: [options.pad ?? 0], bias: p[`${name}.bias`]! });

/** The transposed convolution of x [N, L, C] to [N, ratio L, C'], with a kernel of twice the ratio. */
export const upsampling = (p: Parameters, name: string, x: tf.Tensor3D, ratio: number) =>
  nn.convTranspose(x, weightOf(p, name), {
    stride: ratio,
    pad: Math.ceil(ratio / 2),
    outputPad: ratio % 2,
    bias: p[`${name}.bias`]!,
  });
