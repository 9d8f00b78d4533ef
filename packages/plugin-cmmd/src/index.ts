import { defineAutoencoder, defineGuidance, defineLoss, defineModel, definePlugin, defineSampler } from "@cmmd/core";
import { reconstructionOptions, replacementOptions } from "./guidance/options.js";
import { checkNegativeTerms } from "./losses/checks.js";
import { cdcdOptions, contrastiveOptions, diffusionOptions } from "./losses/options.js";
import { segmentSwap } from "./negatives/segment-swap.js";
import { swap } from "./negatives/swap.js";
import { temporalShift } from "./negatives/temporal-shift.js";
import { checkHeun, checkSteps } from "./samplers/checks.js";
import { ddimOptions, ddpmOptions, dpmSolverOptions, heunOptions } from "./samplers/options.js";
import { weightsFile as sdVaeFile, sdVaeOptions } from "./sd-vae/options.js";
import { weightsFiles as taef2Files, taef2Options } from "./taef2/options.js";
import { fits } from "./unet/fits.js";
import { unetOptions } from "./unet/options.js";

export default definePlugin({
  name: "@cmmd/plugin-cmmd",
  autoencoders: {
    "sd-vae": defineAutoencoder({
      summary: "Stable Diffusion's autoencoder (AutoencoderKL): 4 channels for 8x8 pixels, published weights.",
      options: sdVaeOptions,
      weights: { weights: sdVaeFile },
      shape: (_, height, width) => [height / 8, width / 8, 4],
      load: async () => (await import("./sd-vae/autoencoder.js")).sdVae,
    }),
    taef2: defineAutoencoder({
      summary: "A small, fast autoencoder (TAESD family, FLUX.2's latents): 32 channels for 8x8 pixels.",
      options: taef2Options,
      weights: taef2Files,
      shape: (_, height, width) => [height / 8, width / 8, 32],
      load: async () => (await import("./taef2/autoencoder.js")).taef2,
    }),
  },
  models: {
    "cmmd-unet": defineModel({
      summary: "The joint U-Net of CMMD: video latents and mel with easy fusion.",
      options: unetOptions,
      fits,
      check: (entry, { clips }) => fits(entry, clips?.shape),
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
      check: checkNegativeTerms,
      load: async () => (await import("./losses/contrastive.js")).body,
    }),
    cdcd: defineLoss({
      summary:
        "CDCD's loss of one modality given the other (Eq. 7, second line): pushes generations apart that do not fit.",
      options: cdcdOptions,
      check: checkNegativeTerms,
      load: async () => (await import("./losses/cdcd.js")).body,
    }),
  },
  negatives: { "temporal-shift": temporalShift, "segment-swap": segmentSwap, swap },
  samplers: {
    ddim: defineSampler({
      summary: "DDIM (Song et al. 2021).",
      options: ddimOptions,
      check: checkSteps,
      load: async () => (await import("./samplers/ddim.js")).body,
    }),
    ddpm: defineSampler({
      summary: "Ancestral sampling (Ho et al. 2020).",
      options: ddpmOptions,
      check: checkSteps,
      load: async () => (await import("./samplers/ddpm.js")).body,
    }),
    "dpm-solver++": defineSampler({
      summary: "DPM-Solver++(2M) (Lu et al. 2022): about a tenth of DDIM's network evaluations.",
      options: dpmSolverOptions,
      check: checkSteps,
      load: async () => (await import("./samplers/dpm-solver.js")).body,
    }),
    heun: defineSampler({
      summary: "Heun's method on the noise levels of Karras et al. (2022), deterministic.",
      options: heunOptions,
      check: checkHeun,
      load: async () => (await import("./samplers/heun.js")).body,
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
