import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readSafetensors, writeSafetensors } from "../data/safetensors.js";
import { readShards } from "../data/shards.js";
import { stream } from "../diffusion/random.js";
import type { Generation } from "../pipeline/resolved.js";
import type { PairShape } from "../plugin/clips.js";
import type { ModelBody, OpenAutoencoder, OpenVocoder } from "../plugin/components.js";
import type { Frames, Waveform } from "../plugin/media.js";
import { sizeOf } from "../plugin/tensors.js";
import { finiteSound } from "../sample/finite-sound.js";
import { planLength } from "../sample/length.js";
import { type Media, openMedia } from "../sample/media.js";
import { type Original, preparedSources, type Source, stretchedSources } from "../sample/sources.js";
import type { WindowLayout } from "../sample/windows.js";
import { computingOf } from "./computing.js";
import { openAutoencoder } from "./encode.js";
import { readFeatureStatistics } from "./features.js";
import { openPictures } from "./pictures.js";
import type { Stage, StageInput } from "./stage.js";

/** Written pictures are enlarged to about 256 lines, so that small clips can be watched. */
export const enlargement = (height: number) => Math.max(1, Math.round(256 / height));

/** Clips of a generation that does not say how many. */
const usualCount = 8;

/** One generated clip as `generate` lists it in `index.jsonl`; paths are relative to the artifact. */
export interface GeneratedRow {
  readonly group: string;
  readonly id: string;
  readonly events: readonly number[];
  readonly generated: string;
  readonly reference: string;
  readonly tensors: string;
  /** Tensors of the reference, for a clip that `prepare` does not have. */
  readonly original?: string;
}

const indexFile = "index.jsonl";

export function readGenerated(folder: string): GeneratedRow[] {
  return readFileSync(join(folder, indexFile), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as GeneratedRow);
}

/** The weights that a generation asks for, for a network that sees clips of `shape`. */
export async function weightsFor({ weights }: Pick<Generation, "weights">, input: StageInput, shape: PairShape) {
  if (weights !== "initial")
    return (await readSafetensors(join(input.inputs.train!, `${weights}.safetensors`))).tensors;
  const { initialParameters } = await import("../train/diffusion-objective.js");
  const model: ModelBody<unknown> = await input.component("models", input.pipeline.model.use);
  return initialParameters(input, model, shape);
}

/** Sizes of the clips that the network was trained on, and of their pictures. */
export async function trainedSizes(input: StageInput, autoencoder: OpenAutoencoder) {
  const { pipeline, inputs } = input;
  const shards = await readShards(inputs.prepare!);
  const { id } = shards.index[0]!;
  const { height, width } = await (await openPictures(input)).size();
  const [frames, bins] = (await shards.tensor(id, "features")).shape as [number, number];
  const shape: PairShape = {
    video: [pipeline.data.clip.frames, ...autoencoder.shape(height, width)],
    audio: [frames, bins],
  };
  return { shape, picture: { height, width } };
}

/** How the clips of a generation are made, in one piece or in windows. */
export async function layoutFor(
  input: StageInput,
  { frames, window }: Pick<Generation, "frames" | "window">,
  trained: PairShape,
): Promise<WindowLayout> {
  const model: ModelBody<unknown> = await input.component("models", input.pipeline.model.use);
  const { rates, definition } = readFeatureStatistics(input.inputs.prepare!);
  return planLength({
    frames: frames ?? trained.video[0],
    window,
    trained,
    rates,
    definition,
    fits: (shape) => (model.fits?.(input.pipeline.model.options, shape) ?? []).length === 0,
  });
}

/** What all generations of a pipeline share while they are computed. */
interface Workshop {
  readonly input: StageInput;
  readonly media: Media;
  vocoder(generation: Generation): Promise<OpenVocoder>;
  /** Writes a film, enlarged to be watched, at a path in the artifact. */
  film(path: string, frames: Frames, waveform: Waveform): Promise<void>;
}

async function generateGroup(
  workshop: Workshop,
  generation: Generation,
  layout: WindowLayout,
  sources: readonly Source[],
  report: (done: number) => void,
): Promise<GeneratedRow[]> {
  const { input, media } = workshop;
  const { pipeline, context } = input;
  const { name, task, fill, batch: batchSize } = generation;
  const { whole } = layout;
  const { openSampler } = await import("../sample/sampler.js");
  const vocoder = await workshop.vocoder(generation);
  const sampler = await openSampler(
    input,
    generation,
    await weightsFor(generation, input, layout.window),
    layout.window,
    layout,
  );
  mkdirSync(join(context.folder, name), { recursive: true });
  const rows = sources.map(
    ({ id, events, prepared }): GeneratedRow => ({
      group: name,
      id,
      events,
      generated: `${name}/${id}.generated.mp4`,
      reference: `reference/${id}.mp4`,
      tensors: `${name}/${id}.safetensors`,
      ...(prepared ? {} : { original: `reference/${id}.safetensors` }),
    }),
  );
  const has = (path: string) => existsSync(join(context.folder, path));
  const makesSound = task !== "a2v" && fill !== "video";
  const makesPicture = task !== "v2a" && fill !== "audio";

  const finish = async (
    row: GeneratedRow,
    original: Original,
    index: number,
    latents: Float32Array,
    mel: Float32Array,
  ) => {
    const features = media.restored(mel, whole.audio[1]);
    const sound = makesSound
      ? finiteSound(
          await vocoder.synthesise(features, stream(pipeline.seed, "vocoder", index)),
          generation.vocoder.use,
          `clip ${row.id} of the generation "${name}"`,
        )
      : original.waveform;
    const frames = makesPicture ? await media.pictures(latents, whole.video[0], original.frames) : original.frames;
    await workshop.film(row.generated, frames, sound);
    if (!has(row.reference)) await workshop.film(row.reference, original.frames, original.waveform);
    if (row.original && !has(row.original))
      await writeSafetensors(join(context.folder, row.original), tensorsOf(original));
    // Last: a clip that has its tensors is complete.
    await writeSafetensors(join(context.folder, row.tensors), tensorsOf({ features, frames, waveform: sound }));
  };

  for (let at = 0; at < sources.length; at += batchSize) {
    context.signal.throwIfAborted();
    const batch = sources.slice(at, at + batchSize);
    if (!batch.every((_, i) => has(rows[at + i]!.tensors))) {
      const opened = await Promise.all(batch.map((source) => source.open()));
      const requests = opened.map(({ condition }, i) => ({ clip: condition, noiseIndex: at + i }));
      const result = await sampler.sample(
        requests,
        (k) => report(at + (batch.length * k) / sampler.evaluations),
        join(context.folder, name, `${at}.unfinished.safetensors`),
      );
      for (const [i, { original }] of opened.entries()) {
        context.signal.throwIfAborted();
        const part = (data: Float32Array, size: number) => data.slice(i * size, (i + 1) * size);
        await finish(
          rows[at + i]!,
          original,
          at + i,
          part(result.video, sizeOf(whole.video)),
          part(result.audio, sizeOf(whole.audio)),
        );
      }
    }
    report(at + batch.length);
  }
  await sampler.dispose();
  return rows;
}

const tensorsOf = ({ features, waveform, frames }: Original) => ({
  features: { shape: [features.frames, features.bins], data: features.data },
  waveform: { shape: [waveform.samples.length], data: waveform.samples },
  frames: { shape: [frames.count, frames.height, frames.width, 3], data: frames.data },
});

/** Opens each vocoder once, whichever generations share it. */
function vocoders({ component, inputs, context }: StageInput) {
  const open = new Map<string, Promise<OpenVocoder>>();
  const { definition } = readFeatureStatistics(inputs.prepare!);
  return {
    of({ vocoder: { use, options } }: Generation): Promise<OpenVocoder> {
      const key = JSON.stringify([use, options]);
      const opened =
        open.get(key) ?? component("vocoders", use).then((body) => body.open(definition, options, context));
      open.set(key, opened);
      return opened;
    },
    async dispose() {
      for (const opened of open.values()) await (await opened).dispose();
    },
  };
}

/** Weights to clips: MP4s with sound beside the originals, and their tensors. */
export const generate: Stage = {
  name: "generate",
  reads: ["render", "prepare", "encode", "train"],
  applies: () => true,
  depends: (pipeline) => ({
    generate: pipeline.generate as never,
    model: pipeline.model as never,
    diffusion: pipeline.diffusion,
    ...computingOf(pipeline),
  }),
  components: ({ generate: groups, model, latents, prepare, data }) => [
    model,
    latents,
    prepare.codec,
    ...(groups.some(({ frames }) => frames !== undefined) ? [data, ...prepare.video, ...prepare.audio] : []),
    ...groups.flatMap(({ sampler, guidance, vocoder }) => [sampler, vocoder, ...(guidance ? [guidance] : [])]),
  ],
  async run(input) {
    const { pipeline, context, component, inputs } = input;
    const autoencoder = await openAutoencoder(input, inputs.encode!);
    const media = await openMedia(input, autoencoder);
    const { shape: trained } = await trainedSizes(input, autoencoder);
    const layouts = await Promise.all(pipeline.generate.map((group) => layoutFor(input, group, trained)));
    const isPrepared = (i: number) => layouts[i]!.whole.video[0] === trained.video[0];
    const prepared = await preparedSources(
      input,
      pipeline.generate.filter((_, i) => isPrepared(i)),
      usualCount,
    );
    const chosen = await Promise.all(
      pipeline.generate.map((group, i) =>
        isPrepared(i) ? prepared(group) : stretchedSources(input, group, layouts[i]!, media, usualCount),
      ),
    );
    const total = chosen.reduce((sum, group) => sum + group.length, 0);
    const opened = vocoders(input);
    const codec = await component("codecs", pipeline.prepare.codec.use);
    const workshop: Workshop = {
      input,
      media,
      vocoder: (generation) => opened.of(generation),
      async film(path, frames, waveform) {
        const target = join(context.folder, path);
        mkdirSync(dirname(target), { recursive: true });
        const film = { frames, waveform, rate: media.rates.video, scale: enlargement(frames.height) };
        await codec.encode(`${target}.tmp.mp4`, film, pipeline.prepare.codec.options, context);
        renameSync(`${target}.tmp.mp4`, target);
      },
    };
    const rows: GeneratedRow[] = [];
    for (const [i, generation] of pipeline.generate.entries()) {
      const before = rows.length;
      const report = (done: number) => context.progress(Math.round((before + done) * 100) / 100, total, "clips");
      rows.push(...(await generateGroup(workshop, generation, layouts[i]!, chosen[i]!, report)));
    }
    await opened.dispose();
    await autoencoder.dispose();
    writeFileSync(join(context.folder, indexFile), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return { clips: rows.length };
  },
};
