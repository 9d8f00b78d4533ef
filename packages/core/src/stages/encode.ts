import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "../data/safetensors.js";
import { readShards, type Shards, ShardWriter } from "../data/shards.js";
import type { OpenAutoencoder } from "../plugin/components.js";
import type { Frames } from "../plugin/media.js";
import { contentsOf, contentsTensor, encodedBefore } from "./encoded-before.js";
import { framesOf, readFrames } from "./originals.js";
import { reconstructionPsnr } from "./psnr.js";
import type { Stage, StageInput } from "./stage.js";

const weightsFile = "autoencoder.safetensors";
/** Bytes of latents kept in memory for clips that overlap those before them. */
const recentBytes = 256 << 20;

/** The autoencoder of an `encode` artifact, with the weights that were fitted there if any. */
export async function openAutoencoder({ pipeline, context, component }: StageInput, encoded: string) {
  const body = await component("autoencoders", pipeline.latents.use);
  const weights = body.fit ? (await readSafetensors(join(encoded, weightsFile))).tensors : undefined;
  return body.open(weights, pipeline.latents.options, context);
}

/** Fits the autoencoder to the frames of the training clips, if it has anything to fit. */
async function fit({ pipeline, context, component }: StageInput, shards: Shards): Promise<void> {
  const body = await component("autoencoders", pipeline.latents.use);
  if (!body.fit) return;
  const training = shards.index.filter(({ split }) => split === "train");
  const pictures = async function* () {
    for (const { id, before } of training) {
      context.signal.throwIfAborted();
      yield await readFrames(shards, id, before as number, pipeline.data.clip.frames);
    }
  };
  await writeSafetensors(
    join(context.folder, weightsFile),
    await body.fit(pictures, pipeline.latents.options, context),
  );
}

/** Encodes pictures, each content once: those that overlapping clips share, and those of earlier artifacts, are taken over. */
class Encoder {
  readonly #autoencoder: OpenAutoencoder;
  readonly #before: (content: string) => Promise<Float32Array | undefined>;
  readonly #recent = new Map<string, Float32Array>();
  #recentBytes = 0;
  encoded = 0;
  taken = 0;
  seconds = 0;

  constructor(autoencoder: OpenAutoencoder, before: (content: string) => Promise<Float32Array | undefined>) {
    this.#autoencoder = autoencoder;
    this.#before = before;
  }

  #keep(content: string, latents: Float32Array): void {
    this.#recent.set(content, latents);
    this.#recentBytes += latents.byteLength;
    for (const [oldest, { byteLength }] of this.#recent) {
      if (this.#recentBytes <= recentBytes || oldest === content) return;
      this.#recent.delete(oldest);
      this.#recentBytes -= byteLength;
    }
  }

  /** Latents [count, ...] of the pictures, whose contents are given, one after the other. */
  async encode(pictures: Frames, contents: readonly string[]): Promise<Float32Array> {
    const known = new Map<string, Float32Array>();
    const missing = new Map<string, number>();
    for (const [frame, content] of contents.entries()) {
      if (known.has(content) || missing.has(content)) continue;
      const latents = this.#recent.get(content) ?? (await this.#before(content));
      if (latents) known.set(content, latents);
      else missing.set(content, frame);
    }
    if (missing.size > 0) {
      const size = pictures.height * pictures.width * 3;
      const data = new Uint8Array(missing.size * size);
      let at = 0;
      for (const frame of missing.values()) {
        data.set(pictures.data.subarray(frame * size, (frame + 1) * size), at);
        at += size;
      }
      const start = performance.now();
      const latents = await this.#autoencoder.encode({ ...pictures, count: missing.size, data });
      this.seconds += (performance.now() - start) / 1000;
      const each = latents.length / missing.size;
      [...missing.keys()].forEach((content, i) => {
        const own = latents.slice(i * each, (i + 1) * each);
        known.set(content, own);
        this.#keep(content, own);
      });
    }
    this.encoded += missing.size;
    this.taken += pictures.count - missing.size;
    const each = known.get(contents[0]!)!.length;
    const all = new Float32Array(contents.length * each);
    for (const [frame, content] of contents.entries()) all.set(known.get(content)!, frame * each);
    return all;
  }

  /** What was done, in a line. */
  get summary(): string {
    const rate = this.seconds > 0 ? `${(this.encoded / this.seconds).toPrecision(3)} frames/s, ` : "";
    const taken = this.taken > 0 ? `, ${this.taken} taken from equal frames encoded before` : "";
    return `${rate}${this.encoded} frames encoded${taken}`;
  }
}

/** Clips one after the other, the next one read while one is computed. */
async function* clipsOf(shards: Shards, ids: readonly string[]): AsyncGenerator<{ id: string; pictures: Frames }> {
  const read = (id: string) => {
    const tensor = shards.tensor(id, "frames");
    // Awaited when its turn comes; until then a failure is nobody's.
    tensor.catch(() => undefined);
    return tensor;
  };
  let next = ids.length > 0 ? read(ids[0]!) : undefined;
  for (const [i, id] of ids.entries()) {
    const pictures = framesOf(await next!);
    next = i + 1 < ids.length ? read(ids[i + 1]!) : undefined;
    yield { id, pictures };
  }
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
    await fit(input, shards);
    const autoencoder = await openAutoencoder(input, context.folder);
    const before = await encodedBefore(context.folder, {
      weightsFile: join(context.folder, weightsFile),
      seeded: body.seeded?.(pipeline.latents.options) ?? false,
    });
    const encoder = new Encoder(autoencoder, before);
    const writer = await ShardWriter.open(context.folder);
    const clips = shards.index.length;
    const left = shards.index.filter(({ id }) => !writer.has(id)).map(({ id }) => id);
    let done = clips - left.length;
    for await (const { id, pictures } of clipsOf(shards, left)) {
      context.signal.throwIfAborted();
      const contents = contentsOf(pictures);
      const latents = {
        shape: [pictures.count, ...autoencoder.shape(pictures.height, pictures.width)],
        data: await encoder.encode(pictures, contents),
      };
      await writer.add(id, { latents, contents: contentsTensor(contents) }, {});
      done++;
      context.progress(done, clips, "clips");
    }
    await writer.close();
    const encoded = await readShards(context.folder);
    const quality = await reconstructionPsnr(shards, encoded, autoencoder, pipeline.data.clip.frames, context);
    await autoencoder.dispose();
    const { shape, data } = await encoded.tensor(shards.index[0]!.id, "latents");
    const latents = shape.slice(1);
    input.metric("psnr_db", quality);
    context.log(
      `latents ${latents.join("x")} (${data.byteLength} bytes for a clip of ${shape[0]} frames), ${encoder.summary}, ` +
        `reconstruction ${quality.toFixed(1)} dB PSNR on held-out frames`,
    );
    return { latents, psnr_db: quality };
  },
};
