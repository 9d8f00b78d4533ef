import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "../data/safetensors.js";
import { readShards } from "../data/shards.js";
import { stream } from "../diffusion/random.js";
import { CmmdError } from "../errors.js";
import type { Generation } from "../pipeline/resolved.js";
import type { Clip, PairShape } from "../plugin/clips.js";
import type { ModelBody } from "../plugin/components.js";
import type { Features, Frames, Waveform } from "../plugin/media.js";
import { loadClips } from "./clips.js";
import { computingOf } from "./computing.js";
import { openAutoencoder } from "./encode.js";
import { readFeatureStatistics } from "./features.js";
import { readOriginal } from "./originals.js";
import type { Stage, StageInput } from "./stage.js";

/** Written pictures are enlarged to about this size, so that small clips can be watched. */
const watchableSize = 256;

/** One generated clip as `generate` lists it in `index.jsonl`; paths are relative to the artifact. */
export interface GeneratedRow {
  readonly group: string;
  readonly id: string;
  readonly events: readonly number[];
  readonly generated: string;
  readonly reference: string;
  readonly tensors: string;
}

const indexFile = "index.jsonl";

export function readGenerated(folder: string): GeneratedRow[] {
  return readFileSync(join(folder, indexFile), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as GeneratedRow);
}

/** `count` clips spread evenly over those of the wanted split. */
function choose(clips: readonly Clip[], { count, split, name }: Generation): Clip[] {
  const candidates = clips.filter((clip) => clip.split === split);
  if (candidates.length === 0)
    throw new CmmdError("CMMD530", `the dataset has no clip in the split "${split}" for the generation "${name}"`, {
      hint: "Change generate.split, or the dataset's options.",
    });
  const wanted = Math.min(count, candidates.length);
  return Array.from({ length: wanted }, (_, i) => candidates[Math.floor((i * candidates.length) / wanted)]!);
}

async function weightsFor({ weights }: Generation, input: StageInput, shape: PairShape) {
  if (weights !== "initial")
    return (await readSafetensors(join(input.inputs.train!, `${weights}.safetensors`))).tensors;
  const { initialParameters } = await import("../train/trainer.js");
  const model: ModelBody<unknown> = await input.component("models", input.pipeline.model.use);
  return initialParameters(input, model, shape);
}

async function generateGroup(
  input: StageInput,
  generation: Generation,
  clips: readonly Clip[],
  report: (done: number) => void,
): Promise<GeneratedRow[]> {
  const { pipeline, context, inputs, component } = input;
  const { shape } = clips[0]!;
  const { scale } = pipeline.diffusion;
  const { openSampler } = await import("../sample/sampler.js");
  const prepared = await readShards(inputs.prepare!);
  const statistics = readFeatureStatistics(inputs.prepare!);
  const codecUsed = pipeline.prepare.codec;
  const codec = await component("codecs", codecUsed.use);
  const vocoder = await (await component("vocoders", generation.vocoder.use)).open(
    statistics.definition,
    generation.vocoder.options,
    context,
  );
  const autoencoder = await openAutoencoder(input, inputs.encode!);
  const weights = await weightsFor(generation, input, shape);
  const sampler = await openSampler(input, generation, weights, shape);
  const folder = join(context.folder, generation.name);
  mkdirSync(folder, { recursive: true });

  const rows = clips.map(
    (clip): GeneratedRow => ({
      group: generation.name,
      id: clip.id,
      events: clip.events,
      generated: `${generation.name}/${clip.id}.generated.mp4`,
      reference: `${generation.name}/${clip.id}.reference.mp4`,
      tensors: `${generation.name}/${clip.id}.safetensors`,
    }),
  );
  // The tensors are written last: a clip that has them is complete.
  const isDone = (row: GeneratedRow) => existsSync(join(context.folder, row.tensors));
  const perVideo = shape.video.reduce((a, b) => a * b);
  const perAudio = shape.audio.reduce((a, b) => a * b);

  const finish = async (clip: Clip, row: GeneratedRow, index: number, latents: Float32Array, mel: Float32Array) => {
    const original = await readOriginal(prepared, clip.id, shape.video[0], statistics.rates);
    const features: Features = {
      frames: shape.audio[0],
      bins: shape.audio[1],
      data: mel.map((value) => (value / scale.audio) * statistics.std + statistics.mean),
    };
    const makesSound = generation.task !== "a2v";
    const makesPicture = generation.task !== "v2a";
    const sound = makesSound
      ? await vocoder.synthesise(features, stream(pipeline.seed, "vocoder", index))
      : original.waveform;
    const frames: Frames = makesPicture
      ? await autoencoder.decode(
          latents.map((value) => value / scale.video),
          shape.video[0],
          original.frames.height,
          original.frames.width,
        )
      : original.frames;
    const write = async (path: string, media: { frames: Frames; waveform: Waveform }) => {
      const unfinished = join(context.folder, `${path}.tmp.mp4`);
      const scale = Math.max(1, Math.round(watchableSize / media.frames.height));
      await codec.encode(unfinished, { ...media, rate: statistics.rates.video, scale }, codecUsed.options, context);
      renameSync(unfinished, join(context.folder, path));
    };
    await write(row.generated, { frames, waveform: sound });
    await write(row.reference, { frames: original.frames, waveform: original.waveform });
    await writeSafetensors(join(context.folder, row.tensors), {
      features: { shape: [features.frames, features.bins], data: features.data },
      waveform: { shape: [sound.samples.length], data: sound.samples },
      frames: { shape: [frames.count, frames.height, frames.width, 3], data: frames.data },
    });
  };

  for (let at = 0; at < clips.length; at += generation.batch) {
    context.signal.throwIfAborted();
    const batch = clips.slice(at, at + generation.batch).map((clip, i) => ({ clip, noiseIndex: at + i }));
    if (!batch.every((_, i) => isDone(rows[at + i]!))) {
      const result = await sampler.sample(batch, (k) => report(at + (batch.length * k) / sampler.evaluations));
      for (const [i, { clip, noiseIndex }] of batch.entries()) {
        context.signal.throwIfAborted();
        await finish(
          clip,
          rows[noiseIndex]!,
          noiseIndex,
          result.video.slice(i * perVideo, (i + 1) * perVideo),
          result.audio.slice(i * perAudio, (i + 1) * perAudio),
        );
      }
    }
    report(at + batch.length);
  }
  await sampler.dispose();
  await autoencoder.dispose();
  await vocoder.dispose();
  return rows;
}

/** Weights to clips: MP4s with sound beside the originals, and their tensors. */
export const generate: Stage = {
  name: "generate",
  reads: ["prepare", "encode", "train"],
  applies: () => true,
  depends: (pipeline) => ({
    generate: pipeline.generate as never,
    model: pipeline.model as never,
    diffusion: pipeline.diffusion,
    ...computingOf(pipeline),
  }),
  components: ({ generate: groups, model, latents, prepare }) => [
    model,
    latents,
    prepare.codec,
    ...groups.flatMap(({ sampler, guidance, vocoder }) => [sampler, vocoder, ...(guidance ? [guidance] : [])]),
  ],
  async run(input) {
    const { pipeline, context } = input;
    const splits = [...new Set(pipeline.generate.map(({ split }) => split))];
    const { clips } = await loadClips(input, splits);
    const chosen = pipeline.generate.map((generation) => choose(clips, generation));
    const total = chosen.reduce((sum, group) => sum + group.length, 0);
    const rows: GeneratedRow[] = [];
    for (const [i, generation] of pipeline.generate.entries()) {
      const before = rows.length;
      const report = (done: number) => context.progress(Math.round((before + done) * 100) / 100, total, "clips");
      rows.push(...(await generateGroup(input, generation, chosen[i]!, report)));
    }
    writeFileSync(join(context.folder, indexFile), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return { clips: rows.length };
  },
};
