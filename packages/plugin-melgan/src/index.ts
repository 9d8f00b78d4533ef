import { join } from "node:path";
import { definePlugin, defineVocoder } from "@cmmd/core";
import { checkTraining, checkVocoder, checkWeights } from "./checks.js";
import { hifiGanOptions } from "./hifi-gan/options.js";
import { melganOptions, shippedWeights, weightsFile } from "./options.js";

export default definePlugin({
  name: "@cmmd/plugin-melgan",
  vocoders: {
    melgan: defineVocoder({
      summary: "MelGAN (Kumar et al. 2019): a network that makes sound of log-mel spectrograms.",
      options: melganOptions,
      trains: true,
      weights: { weights: weightsFile },
      shipped: { weights: join(shippedWeights, weightsFile) },
      check: checkVocoder,
      checkTraining,
      load: async () => (await import("./vocoder.js")).melgan,
    }),
    "hifi-gan": defineVocoder({
      summary: "HiFi-GAN (Kong et al. 2020) with imported weights.",
      options: hifiGanOptions,
      weights: { weights: weightsFile },
      check: (options, facts) => checkWeights("hifi-gan", options, facts),
      load: async () => (await import("./hifi-gan/vocoder.js")).hifiGan,
    }),
  },
});
