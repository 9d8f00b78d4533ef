import { tf } from "@cmmd/jit";
import { type ConvolutionOptions, convolution, leakyRelu, reflect } from "./layers.js";
import { convolutionParameters, type Parameters, type Shapes } from "./weight-norm.js";

/** MelGAN's discriminators (Kumar et al. 2019). The official ones: three scales, ndf 16, four layers, factor 4. */
export interface DiscriminatorOptions {
  readonly scales: number;
  /** Channels after the first convolution. */
  readonly ndf: number;
  /** Grouped convolutions, each `factor` times coarser than the one before. */
  readonly layers: number;
  readonly factor: number;
}

interface Layer extends ConvolutionOptions {
  readonly name: string;
  readonly shape: readonly [number, number, number];
  /** Positions mirrored at both ends. */
  readonly mirrored?: number;
}

const mostChannels = 1024;
/** Channels of the input that a group of a grouped convolution sees. */
const groupChannels = 4;

/** Convolutions of one scale in order. All but the last have their place in a Sequential in their name, and a LeakyReLU behind them. */
function layersOf({ ndf, layers, factor }: DiscriminatorOptions, scale: number): Layer[] {
  const name = (layer: number, place: string) => `model.disc_${scale}.model.layer_${layer}${place}`;
  const list: Layer[] = [{ name: name(0, ".1"), shape: [ndf, 1, 15], mirrored: 7 }];
  let [into, out] = [ndf, ndf];
  for (let i = 1; i <= layers; i++) {
    into = out;
    out = Math.min(into * factor, mostChannels);
    const groups = into / groupChannels;
    const taps = 10 * factor + 1;
    list.push({ name: name(i, ".0"), shape: [out, groupChannels, taps], pad: 5 * factor, stride: factor, groups });
  }
  const wide = Math.min(2 * out, mostChannels);
  list.push({ name: name(layers + 1, ".0"), shape: [wide, out, 5], pad: 2 });
  list.push({ name: name(layers + 2, ""), shape: [1, wide, 3], pad: 1 });
  return list;
}

const scalesOf = (options: DiscriminatorOptions) =>
  Array.from({ length: options.scales }, (_, scale) => layersOf(options, scale));

/** Names and shapes of the discriminators' parameters, as the official code names and stores them. */
export const discriminatorParameters = (options: DiscriminatorOptions): Shapes =>
  Object.assign(
    {},
    ...scalesOf(options)
      .flat()
      .map(({ name, shape }) => convolutionParameters(name, shape)),
  );

/** Means of four positions around every second one of x [N, L, 1]; at the ends of the three or two that there are. */
function halved(x: tf.Tensor3D): tf.Tensor3D {
  const [batch, length] = x.shape;
  const padded = x.pad([[0, 0], [1, 1], [0, 0]]).reshape([batch, length + 2, 1, 1]) as tf.Tensor4D; // biome-ignore format: one line
  const means = tf.avgPool(padded, [4, 1], [2, 1], "valid");
  const count = means.shape[1];
  // Positions of each window that lie within x, as a share of four.
  const inside = tf
    .range(0, count)
    .mul(2)
    .add(3)
    .minimum(length)
    .sub(tf.range(0, count).mul(2).sub(1).maximum(0))
    .div(4);
  return means.reshape([batch, count, 1]).div(inside.reshape([1, count, 1]));
}

/**
 * Traced: what each scale makes of sounds [batch, samples], coarser from scale to scale: the features of every convolution and last the score,
 * channels-last [batch, positions, channels].
 */
export function discriminate(
  options: DiscriminatorOptions,
  parameters: Parameters,
  waveform: tf.Tensor2D,
): tf.Tensor3D[][] {
  let sound: tf.Tensor3D = waveform.reshape([waveform.shape[0], waveform.shape[1], 1]);
  return scalesOf(options).map((layers, scale) => {
    if (scale > 0) sound = halved(sound);
    let x = sound;
    return layers.map(({ name, mirrored, shape: _, ...convolved }, i) => {
      const y = convolution(parameters, name, mirrored === undefined ? x : reflect(x, mirrored), convolved);
      x = i < layers.length - 1 ? leakyRelu(y) : y;
      return x;
    });
  });
}
