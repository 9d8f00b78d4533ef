import { defineGuidance, defineLoss, defineModel, definePlugin, defineSampler } from "@cmmd/core";
import { reconstructionOptions, replacementOptions } from "./guidance/options.js";
import { contrastiveOptions, diffusionOptions } from "./losses/options.js";
import { temporalShift } from "./negatives/temporal-shift.js";
import { ddimOptions } from "./samplers/options.js";
import { unetOptions } from "./unet/options.js";

export default definePlugin({
  name: "@cmmd/plugin-cmmd",
  models: {
    "cmmd-unet": defineModel({
      summary: "The joint U-Net of CMMD: video latents and mel with easy fusion.",
      options: unetOptions,
      load: () => import("./unet/network.js"),
    }),
  },
  losses: {
    diffusion: defineLoss({
      summary: "Joint diffusion loss (Eq. 4): mean square error of each modality, added.",
      options: diffusionOptions,
      load: async () => (await import("./losses/diffusion.js")).body,
    }),
    contrastive: defineLoss({
      summary: "Joint contrastive loss (Eq. 9, Algorithm 1): pushes pairs apart that do not coincide.",
      options: contrastiveOptions,
      load: async () => (await import("./losses/contrastive.js")).body,
    }),
  },
  negatives: { "temporal-shift": temporalShift },
  samplers: {
    ddim: defineSampler({
      summary: "DDIM (Song et al. 2021).",
      options: ddimOptions,
      load: async () => (await import("./samplers/ddim.js")).body,
    }),
  },
  guidances: {
    replacement: defineGuidance({
      summary: "The known modality is put in place, diffused to each step.",
      options: replacementOptions,
      load: async () => (await import("./guidance/reconstruction.js")).replacement,
    }),
    reconstruction: defineGuidance({
      summary: "Replacement, and a gradient that makes the network's estimate of the known modality right.",
      options: reconstructionOptions,
      load: async () => (await import("./guidance/reconstruction.js")).reconstruction,
    }),
  },
});
