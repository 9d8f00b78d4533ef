import { createHash } from "node:crypto";
import type { AutoencoderBody, Context, OpenAutoencoder } from "@cmmd/core";
import { tf } from "@cmmd/jit";
import { openNetworks } from "../autoencoder/open.js";
import type { Shapes } from "../autoencoder/sequence.js";
import { readWeights } from "../autoencoder/weights.js";
import { currentName, type KlSizes, klDecoder, klEncoder, stableDiffusion } from "./network.js";
import { type SdVaeOptions, weightsFile } from "./options.js";

/** Makes latents of about unit variance: Stable Diffusion's own factor. */
const scale = 0.18215;
/** Log variances beyond these are cut off, as published. */
const [leastLogVariance, mostLogVariance] = [-30, 20];

/** Random numbers that belong to a picture, so that its latents do not depend on when it is encoded or beside which others. */
function noiseOf(picture: Uint8Array, count: number, context: Context): Float32Array {
  const hash = createHash("sha256").update(picture).digest();
  return context.random("latents", hash.readUInt32LE(0), hash.readUInt32LE(4), hash.readUInt32LE(8)).normal(count);
}

/** Opens an AutoencoderKL of any sizes: Kingma and Welling's autoencoder as Rombach et al. (2022) use it. */
export function openKl(options: SdVaeOptions, context: Context, sizes: KlSizes): OpenAutoencoder {
  const { latents } = sizes;
  const read = async (shapes: Shapes) =>
    readWeights(await context.weights(options.weights, weightsFile), shapes, currentName);
  const encoder = klEncoder(sizes);
  const decoder = klDecoder(sizes);
  const sampled = options.encode === "sample";
  return openNetworks(
    {
      name: "sd-vae",
      latentChannels: latents,
      encoder: {
        channels: sampled ? 2 * latents : latents,
        weights: () => read(encoder.shapes),
        apply(weights, pictures) {
          const moments = encoder.apply(weights, pictures.mul(2).sub(1));
          const [mean, logVariance] = tf.split(moments, 2, 3) as [tf.Tensor4D, tf.Tensor4D];
          if (!sampled) return mean.mul(scale);
          const deviation = logVariance.clipByValue(leastLogVariance, mostLogVariance).mul(0.5).exp();
          return tf.concat([mean, deviation], 3).mul(scale);
        },
      },
      decoder: {
        weights: () => read(decoder.shapes),
        apply: (weights, z) => decoder.apply(weights, z.div(scale)).div(2).add(0.5),
      },
      toLatents(encoded, picture) {
        if (!sampled) return encoded;
        const noise = noiseOf(picture, encoded.length / 2, context);
        return noise.map((value, i) => {
          const at = Math.floor(i / latents) * 2 * latents + (i % latents);
          return encoded[at]! + encoded[at + latents]! * value;
        });
      },
    },
    options,
    context,
  );
}

export const sdVae: AutoencoderBody<SdVaeOptions> = {
  open: async (_, options, context) => openKl(options, context, stableDiffusion),
  seeded: ({ encode }) => encode === "sample",
};
