import { nn, tf } from "@cmmd/jit";
import { convolutionParameters, type Parameters, type Shapes, weightOf } from "../weight-norm.js";
import type { HifiGanNetwork } from "./sizes.js";

/** Taps of the first and the last convolution. */
const edgeKernel = 7;
/** The slopes of LeakyReLU below zero: everywhere, and before the last convolution, where the official code leaves PyTorch's own. */
const slope = 0.1;
const lastSlope = 0.01;

interface Residual {
  readonly name: string;
  readonly kernel: number;
  /** Names and dilations of the convolutions that each sum goes through. */
  readonly sums: readonly (readonly { readonly name: string; readonly dilation: number }[])[];
}

/** An upsampling, and the residual blocks whose mean follows it. */
interface Level {
  readonly name: string;
  readonly into: number;
  readonly out: number;
  readonly rate: number;
  readonly kernel: number;
  readonly residuals: readonly Residual[];
}

function levelsOf(network: HifiGanNetwork): Level[] {
  const { upsample_rates, upsample_kernel_sizes, upsample_initial_channel, resblock } = network;
  const { resblock_kernel_sizes: kernels, resblock_dilation_sizes: dilations } = network;
  return upsample_rates.map((rate, level) => ({
    name: `ups.${level}`,
    into: upsample_initial_channel / 2 ** level,
    out: upsample_initial_channel / 2 ** (level + 1),
    rate,
    kernel: upsample_kernel_sizes[level]!,
    residuals: kernels.map((kernel, j) => {
      const name = `resblocks.${level * kernels.length + j}`;
      const sums = dilations[j]!.map((dilation, k) =>
        resblock === "1"
          ? [
              { name: `${name}.convs1.${k}`, dilation },
              { name: `${name}.convs2.${k}`, dilation: 1 },
            ]
          : [{ name: `${name}.convs.${k}`, dilation }],
      );
      return { name, kernel, sums };
    }),
  }));
}

/** Names and shapes of the generator's parameters, as the official code names and stores them. */
export function generatorParameters(network: HifiGanNetwork, bins: number): Shapes {
  const levels = levelsOf(network);
  const channels = network.upsample_initial_channel;
  return Object.assign(
    convolutionParameters("conv_pre", [channels, bins, edgeKernel]),
    ...levels.map(({ name, into, out, kernel }) => convolutionParameters(name, [into, out, kernel], out)),
    ...levels.flatMap(({ out, residuals }) =>
      residuals.flatMap(({ kernel, sums }) =>
        sums.flat().map(({ name }) => convolutionParameters(name, [out, out, kernel])),
      ),
    ),
    convolutionParameters("conv_post", [1, levels.at(-1)!.out, edgeKernel]),
  );
}

const padOf = (kernel: number, dilation = 1) => ((kernel - 1) / 2) * dilation;

function convolution(p: Parameters, name: string, x: tf.Tensor3D, kernel: number, dilation = 1): tf.Tensor3D {
  return nn.conv(x, weightOf(p, name), { dilation, pad: [padOf(kernel, dilation)], bias: p[`${name}.bias`]! });
}

const residual = (p: Parameters, { kernel, sums }: Residual, x: tf.Tensor3D): tf.Tensor3D =>
  sums.reduce(
    (sum, convolutions) =>
      tf.add(
        convolutions.reduce(
          (y, { name, dilation }) => convolution(p, name, tf.leakyRelu(y, slope), kernel, dilation),
          sum,
        ),
        sum,
      ),
    x,
  );

/**
 * Traced: sound [batch, frames · hop] in [-1, 1] of log10-mel spectrograms [batch, frames, bins] by HiFi-GAN's generator (Kong et al. 2020), whose
 * own features are natural logarithms. The parameters are folded.
 */
export function generate(network: HifiGanNetwork, p: Parameters, mel: tf.Tensor3D): tf.Tensor2D {
  let x = convolution(p, "conv_pre", mel.mul(Math.LN10), edgeKernel);
  for (const { name, rate, kernel, residuals } of levelsOf(network)) {
    const options = { stride: rate, pad: (kernel - rate) / 2, bias: p[`${name}.bias`]! };
    x = nn.convTranspose(tf.leakyRelu(x, slope), weightOf(p, name), options);
    const up = x;
    x = residuals
      .map((one) => residual(p, one, up))
      .reduce((a, b) => tf.add(a, b))
      .div(residuals.length);
  }
  const sound = tf.tanh(convolution(p, "conv_post", tf.leakyRelu(x, lastSlope), edgeKernel));
  return sound.reshape([sound.shape[0], sound.shape[1]!]);
}

/** Frames on each side of a frame that its sound depends on. */
export function marginOf(network: HifiGanNetwork): number {
  const farthest = Math.max(
    ...levelsOf(network)[0]!.residuals.map(({ kernel, sums }) =>
      sums.flat().reduce((reach, { dilation }) => reach + padOf(kernel, dilation), 0),
    ),
  );
  // From the sound back to the frames, in positions of each resolution.
  const reach = levelsOf(network)
    .reverse()
    .reduce((positions, { rate, kernel }) => Math.ceil((positions + farthest + kernel) / rate), padOf(edgeKernel));
  return reach + padOf(edgeKernel);
}
