import type { FeatureDefinition, VocoderTraining } from "@cmmd/core";
import { discriminate, discriminatorParameters } from "../discriminator.js";
import { generate, generatorParameters } from "../generator.js";
import { type MelganOptions, officialSizes } from "../options.js";
import { trainedSizes } from "../sizes.js";
import { initialise } from "../weight-norm.js";
import { adversarialLoss, discriminatorLoss, featureMatchingLoss, stftConstants, stftLoss } from "./losses.js";

const discriminators = ({ discriminator }: MelganOptions) => discriminator ?? officialSizes.discriminator;

const parameters = (options: MelganOptions, { bins }: FeatureDefinition) => ({
  model: generatorParameters(trainedSizes(options, bins)),
  discriminator: discriminatorParameters(discriminators(options)),
});

/** How MelGAN is trained: the official networks and normalisations, with the losses that HiFi-GAN made usual. */
export const melganTraining: VocoderTraining<MelganOptions> = {
  parameters,
  initialise(options, definition, random) {
    const { model, discriminator } = parameters(options, definition);
    return { model: initialise(model, random), discriminator: initialise(discriminator, random) };
  },
  constants: stftConstants,
  generate: (options, weights, features) => generate(trainedSizes(options, features.shape[2]), weights, features),
  discriminate: (options, weights, waveform) => discriminate(discriminators(options), weights, waveform),
  discriminatorLoss,
  adversarialLoss,
  featureMatchingLoss,
  stftLoss,
};
