import { CmmdError, type FeatureDefinition, type VocoderTraining } from "@cmmd/core";
import { discriminate, discriminatorParameters } from "../discriminator.js";
import { fewestFrames, type GeneratorOptions, generate, generatorParameters } from "../generator.js";
import { type MelganOptions, officialSizes } from "../options.js";
import { initialise } from "../weight-norm.js";
import {
  adversarialLoss,
  discriminatorLoss,
  featureMatchingLoss,
  shortestSpectrum,
  stftConstants,
  stftLoss,
} from "./losses.js";

const discriminators = ({ discriminator }: MelganOptions) => discriminator ?? officialSizes.discriminator;

const sizesOf = ({ ngf, ratios, residual_layers }: MelganOptions, bins: number): GeneratorOptions => ({
  bins,
  ngf: ngf ?? officialSizes.ngf,
  ratios: ratios ?? officialSizes.ratios,
  residual_layers: residual_layers ?? officialSizes.residual_layers,
});

/** Throws CMMD595 when the generator would not make as many samples as the features stand for. */
function parameters(options: MelganOptions, { bins, hop }: FeatureDefinition) {
  const sizes = sizesOf(options, bins);
  const made = sizes.ratios.reduce((a, b) => a * b, 1);
  if (made !== hop)
    throw new CmmdError(
      "CMMD595",
      `melgan: the ratios ${sizes.ratios.join(" · ")} make ${made} samples of a frame, but the features have one every ${hop}`,
      { hint: "Change vocoder.ratios so that their product is the hop, or the features' hop.", exitCode: 2 },
    );
  return { model: generatorParameters(sizes), discriminator: discriminatorParameters(discriminators(options)) };
}

/** How MelGAN is trained: the official networks and normalisations, with the losses that HiFi-GAN made usual. */
export const melganTraining: VocoderTraining<MelganOptions> = {
  parameters,
  shortest: (options, { bins, hop }) =>
    Math.max(fewestFrames(sizesOf(options, bins)), Math.ceil(shortestSpectrum / hop)) * hop,
  initialise(options, definition, random) {
    const { model, discriminator } = parameters(options, definition);
    return { model: initialise(model, random), discriminator: initialise(discriminator, random) };
  },
  constants: stftConstants,
  generate: (options, weights, features) => generate(sizesOf(options, features.shape[2]), weights, features),
  discriminate: (options, weights, waveform) => discriminate(discriminators(options), weights, waveform),
  discriminatorLoss,
  adversarialLoss,
  featureMatchingLoss,
  stftLoss,
};
