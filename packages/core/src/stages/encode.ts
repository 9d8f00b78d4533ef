import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "../data/safetensors.js";
import { readShards, type ShardRow, ShardWriter } from "../data/shards.js";
import type { Frames } from "../plugin/media.js";
import { contentsOf, contentsTensor, encodedBefore } from "./encoded-before.js";
import { Encoder } from "./encoder.js";
import { readFrames } from "./originals.js";
import { dropPictures, openPictures, type Pictures } from "./pictures.js";
import { reconstructionPsnr } from "./psnr.js";
import type { Stage, StageInput } from "./stage.js";

const weightsFile = "autoencoder.safetensors";
/** Bytes of pictures that are read and encoded as one group, at least a clip's. */
const groupBytes = 16 << 20;
/** Bytes of a shard: what a kill may cost, which are minutes of a large autoencoder's time. */
const shardBytes = 16 << 20;

/** The autoencoder of an `encode` artifact, with the weights that were fitted there if any. */
export async function openAutoencoder({ pipeline, context, component }: StageInput, encoded: string) {
  const body = await component("autoencoders", pipeline.latents.use);
  const weights = body.fit ? (await readSafetensors(join(encoded, weightsFile))).tensors : undefined;
  return body.open(weights, pipeline.latents.options, context);
}

/** Fits the autoencoder to the frames of the training clips, if it has anything to fit. */
async function fit({ pipeline, context, component }: StageInput, index: readonly ShardRow[], stored: Pictures) {
  const body = await component("autoencoders", pipeline.latents.use);
  if (!body.fit) return;
  const training = index.filter(({ split }) => split === "train");
  const pictures = async function* () {
    for (const { id, before } of training) {
      context.signal.throwIfAborted();
      yield await readFrames(stored, id, before as number, pipeline.data.clip.frames);
    }
  };
  await writeSafetensors(
    join(context.folder, weightsFile),
    await body.fit(pictures, pipeline.latents.options, context),
  );
}

/** Groups of clips one after the other, the next one read while one is computed. */
async function* groupsOf(pictures: Pictures, groups: readonly (readonly string[])[]) {
  const readAll = async (ids: readonly string[]) => {
    const clips: { readonly id: string; readonly pictures: Frames }[] = [];
    for (const id of ids) clips.push({ id, pictures: await pictures.clip(id) });
    return clips;
  };
  const read = (ids: readonly string[]) => {
    const clips = readAll(ids);
    // Awaited when its turn comes; until then a failure is nobody's.
    clips.catch(() => undefined);
    return clips;
  };
  let next = groups[0] && read(groups[0]);
  for (const i of groups.keys()) {
    const clips = await next!;
    next = groups[i + 1] && read(groups[i + 1]!);
    yield clips;
  }
}

/**
 * Encodes all clips into the shards of `context.folder`. What is computed together depends on the clips alone, also after an interruption, so
 * that the same bytes come out: groups are those of an uninterrupted run, and the encoder knows the clips before the first one.
 */
async function encodeClips(input: StageInput, index: readonly ShardRow[], pictures: Pictures, encoder: Encoder) {
  const { context } = input;
  const { height, width } = await pictures.size();
  const ids = index.map(({ id }) => id);
  const { data } = await pictures.clip(ids[0]!);
  const perGroup = Math.max(1, Math.floor(groupBytes / data.byteLength));
  const writer = await ShardWriter.open(context.folder, { shardBytes });
  const written = writer.index.length;
  const first = written - (written % perGroup);
  if (written < ids.length) await encoder.remember(await readShards(context.folder), ids.slice(0, first));
  const groups: string[][] = [];
  if (written < ids.length)
    for (let at = first; at < ids.length; at += perGroup) groups.push(ids.slice(at, at + perGroup));
  let done = first;
  let writing: Promise<void> = Promise.resolve();
  for await (const clips of groupsOf(pictures, groups)) {
    const contents = clips.map(({ pictures }) => contentsOf(pictures));
    const latents = await encoder.encode(
      clips.map(({ pictures }) => pictures),
      contents,
      (part) => context.progress(Math.round((done + part * clips.length) * 100) / 100, ids.length, "clips"),
    );
    const shape = encoder.shape(height, width);
    // The next group is computed meanwhile.
    await writing;
    writing = (async () => {
      for (const [i, { id, pictures }] of clips.entries())
        if (!writer.has(id))
          await writer.add(
            id,
            {
              latents: { shape: [pictures.count, ...shape], data: latents[i]! },
              contents: contentsTensor(contents[i]!),
            },
            {},
          );
    })();
    writing.catch(() => undefined);
    done += clips.length;
    context.progress(done, ids.length, "clips");
  }
  await writing;
  await writer.close();
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toPrecision(3)} MB`;

/** Pictures to latents; fits the autoencoder first where it has something to fit. */
export const encode: Stage = {
  name: "encode",
  reads: ["render", "prepare"],
  applies: () => true,
  depends: ({ latents, data }) => ({ latents: latents as never, frames: data.clip.frames }),
  components: ({ latents }) => [latents],
  async run(input) {
    const { pipeline, context, inputs, component } = input;
    const prepared = await readShards(inputs.prepare!);
    const pictures = await openPictures(input);
    const body = await component("autoencoders", pipeline.latents.use);
    await fit(input, prepared.index, pictures);
    const autoencoder = await openAutoencoder(input, context.folder);
    const before = await encodedBefore(context.folder, {
      weightsFile: join(context.folder, weightsFile),
      seeded: body.seeded?.(pipeline.latents.options) ?? false,
    });
    const encoder = new Encoder(autoencoder, before, context.signal);
    const began = performance.now();
    await encodeClips(input, prepared.index, pictures, encoder);
    const share = encoder.share((performance.now() - began) / 1000);
    const encoded = await readShards(context.folder);
    const quality = await reconstructionPsnr(
      prepared,
      pictures,
      encoded,
      autoencoder,
      pipeline.data.clip.frames,
      context,
    );
    await autoencoder.dispose();
    const { shape, data } = await encoded.tensor(prepared.index[0]!.id, "latents");
    const latents = shape.slice(1);
    input.metric("psnr_db", quality);
    if (share !== undefined) input.metric("network_share", share);
    context.log(
      `latents ${latents.join("x")} (${data.byteLength} bytes for a clip of ${shape[0]} frames), ${encoder.summary}` +
        `${share === undefined ? "" : `, ${(share * 100).toFixed(1)} % of the time in the network`}, ` +
        `reconstruction ${quality.toFixed(1)} dB PSNR on held-out frames`,
    );
    return { latents, psnr_db: quality };
  },
  async settle({ prepare: { keep } }, { prepare: prepared }) {
    if (keep !== "latents") return undefined;
    const freed = await dropPictures(prepared!);
    return freed === undefined
      ? undefined
      : `the pictures of the clips are encoded and were dropped (prepare.keep: latents): ${megabytes(freed)} saved`;
  },
};
