import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "../data/safetensors.js";
import { readShards, type Shards, ShardWriter } from "../data/shards.js";
import type { OpenAutoencoder } from "../plugin/components.js";
import { framesOf, readFrames } from "./originals.js";
import type { Stage, StageInput } from "./stage.js";

const weightsFile = "autoencoder.safetensors";
/** Clips whose reconstruction is compared with the original for the PSNR. */
const psnrClips = 24;

/** The autoencoder of an `encode` artifact, with the weights that were fitted there if any. */
export async function openAutoencoder({ pipeline, context, component }: StageInput, encoded: string) {
  const body = await component("autoencoders", pipeline.latents.use);
  const weights = body.fit ? (await readSafetensors(join(encoded, weightsFile))).tensors : undefined;
  return body.open(weights, pipeline.latents.options, context);
}

/** Peak signal-to-noise ratio in dB of 8-bit pictures. */
function psnr(squaredError: number, count: number): number {
  return 10 * Math.log10((255 * 255) / Math.max(squaredError / count, 1e-10));
}

async function reconstructionPsnr(shards: Shards, autoencoder: OpenAutoencoder, frames: number): Promise<number> {
  const held = shards.index.filter(({ split }) => split !== "train");
  const rows = (held.length > 0 ? held : shards.index).slice(0, psnrClips);
  let error = 0;
  let count = 0;
  for (const { id, before } of rows) {
    const original = await readFrames(shards, id, before as number, frames);
    const latents = await autoencoder.encode(original);
    const decoded = await autoencoder.decode(latents, original.count, original.height, original.width);
    for (let i = 0; i < original.data.length; i++) error += (original.data[i]! - decoded.data[i]!) ** 2;
    count += original.data.length;
  }
  return psnr(error, count);
}

/** Pictures to latents; fits the autoencoder first where it has something to fit. */
export const encode: Stage = {
  name: "encode",
  reads: ["prepare"],
  applies: () => true,
  depends: ({ latents, data }) => ({ latents: latents as never, frames: data.clip.frames }),
  components: ({ latents }) => [latents],
  async run(input) {
    const { pipeline, context, inputs, component } = input;
    const shards = await readShards(inputs.prepare!);
    const body = await component("autoencoders", pipeline.latents.use);
    const { frames } = pipeline.data.clip;
    if (body.fit) {
      const training = shards.index.filter(({ split }) => split === "train");
      const pictures = async function* () {
        for (const { id, before } of training) {
          context.signal.throwIfAborted();
          yield await readFrames(shards, id, before as number, frames);
        }
      };
      await writeSafetensors(
        join(context.folder, weightsFile),
        await body.fit(pictures, pipeline.latents.options, context),
      );
    }
    const autoencoder = await openAutoencoder(input, context.folder);
    const writer = await ShardWriter.open(context.folder);
    let shape: readonly number[] = [];
    for (const [i, { id }] of shards.index.entries()) {
      context.signal.throwIfAborted();
      const pictures = framesOf(await shards.tensor(id, "frames"));
      shape = autoencoder.shape(pictures.height, pictures.width);
      if (!writer.has(id))
        await writer.add(
          id,
          { latents: { shape: [pictures.count, ...shape], data: await autoencoder.encode(pictures) } },
          {},
        );
      context.progress(i + 1, shards.index.length, "clips");
    }
    await writer.close();
    const quality = await reconstructionPsnr(shards, autoencoder, frames);
    await autoencoder.dispose();
    input.metric("psnr_db", quality);
    context.log(`latents ${shape.join("x")}, reconstruction ${quality.toFixed(1)} dB PSNR on held-out frames`);
    return { latents: [...shape], psnr_db: quality };
  },
};
