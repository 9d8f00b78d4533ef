import { join } from "node:path";
import { definePlugin, defineVocoder } from "@cmmd/core";
import { checkVocoder } from "./checks.js";
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
      load: async () => (await import("./vocoder.js")).melgan,
    }),
  },
});
