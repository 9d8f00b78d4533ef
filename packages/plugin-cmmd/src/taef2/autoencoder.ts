import type { AutoencoderBody } from "@cmmd/core";
import { openNetworks } from "../autoencoder/open.js";
import type { Sequence } from "../autoencoder/sequence.js";
import { readWeights } from "../autoencoder/weights.js";
import { decoder, encoder, latentChannels } from "./network.js";
import { type Taef2Options, weightsFiles } from "./options.js";

/** The small autoencoder of the TAESD family (madebyollin/taesd) for the latents of FLUX.2. */
export const taef2: AutoencoderBody<Taef2Options> = {
  async open(_, options, context) {
    const side = (which: "encoder" | "decoder", { shapes, apply }: Sequence) => ({
      apply,
      weights: async () => readWeights(await context.weights(options[which], weightsFiles[which]), shapes),
    });
    return openNetworks(
      {
        name: "taef2",
        latentChannels,
        encoder: { ...side("encoder", encoder), channels: latentChannels },
        decoder: side("decoder", decoder),
        toLatents: (encoded) => encoded,
      },
      options,
      context,
    );
  },
};
