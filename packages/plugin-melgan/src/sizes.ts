import { type MelganOptions, officialSizes } from "./options.js";

/** MelGAN's generator (Kumar et al. 2019). The official one: 80 bins, ngf 32, ratios 8, 8, 2, 2, three residual layers. */
export interface GeneratorOptions {
  readonly bins: number;
  /** Channels before the last convolution; there are 2 ^ ratios.length times as many after the first. */
  readonly ngf: number;
  /** Factors of upsampling, in order; their product is the hop. */
  readonly ratios: readonly number[];
  /** Residual blocks after each upsampling, dilated 1, 3, 9, ... */
  readonly residual_layers: number;
}

/** Taps of the first and the last convolution, and how many positions these mirror at each end. */
export const kernel = 7;
export const edge = (kernel - 1) / 2;

/** Samples that each frame becomes. */
export const hopOf = ({ ratios }: Pick<GeneratorOptions, "ratios">): number => ratios.reduce((a, b) => a * b, 1);

/** The fewest frames that can be mirrored at their ends in every layer. */
export const fewestFrames = ({ ratios, residual_layers }: Omit<GeneratorOptions, "bins">): number =>
  Math.max(edge, residual_layers > 0 ? Math.floor(3 ** (residual_layers - 1) / ratios[0]!) : 0) + 1;

/** The sizes that a training's options ask for. */
export const trainedSizes = ({ ngf, ratios, residual_layers }: MelganOptions, bins: number): GeneratorOptions => ({
  bins,
  ngf: ngf ?? officialSizes.ngf,
  ratios: ratios ?? officialSizes.ratios,
  residual_layers: residual_layers ?? officialSizes.residual_layers,
});
