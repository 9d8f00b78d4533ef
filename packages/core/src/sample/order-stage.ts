import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "../data/safetensors.js";
import { stream } from "../diffusion/random.js";
import { sizeOf } from "../plugin/tensors.js";
import { openAutoencoder } from "../stages/encode.js";
import { readFeatureStatistics } from "../stages/features.js";
import { layoutFor, trainedSizes, weightsFor } from "../stages/generate.js";
import type { Stage, StageInput, StageSummary } from "../stages/stage.js";
import { spectrogramPng } from "../train/spectrogram-png.js";
import { writeFilm } from "./film.js";
import { finiteSound } from "./finite-sound.js";
import { lengthOf, readCondition } from "./input.js";
import { openMedia } from "./media.js";
import { type Generated, type GenerateOrder, orderFile, spectrogramOf } from "./order.js";
import { openSampler } from "./sampler.js";

/** Frames to generate for `frames` wanted ones: what is shorter than a trained clip and does not fit the network is made as long as that. */
async function layoutForAtLeast(input: StageInput, frames: number, trained: Parameters<typeof layoutFor>[2]) {
  const usual = trained.video[0];
  if (frames >= usual) return layoutFor(input, { frames }, trained);
  try {
    return await layoutFor(input, { frames }, trained);
  } catch {
    return layoutFor(input, { frames: usual }, trained);
  }
}

/** Makes the clips of the order in `context.folder`, whose finished samples stay there until all are written. */
async function run(input: StageInput): Promise<StageSummary> {
  const { pipeline, context, inputs, component } = input;
  const order = JSON.parse(readFileSync(join(context.folder, orderFile), "utf8")) as GenerateOrder;
  const given = pipeline.generate[0]!;
  const { definition, rates } = readFeatureStatistics(inputs.prepare!);
  const length = await lengthOf(input, given, order, rates.video);
  const autoencoder = await openAutoencoder(input, inputs.encode!);
  const media = await openMedia(input, autoencoder);
  const { shape: trained, picture } = await trainedSizes(input, autoencoder);
  const layout = await layoutForAtLeast(input, length.frames, trained);
  const { whole, window, starts } = layout;
  const generation = length.known > 0 ? { ...given, known: length.known } : given;
  const condition = await readCondition(input, media, order.source, given.task, length, layout);
  const weights = await weightsFor(generation, input, window);
  const sampler = await openSampler(input, generation, weights, window, layout);
  const vocoder = await (await component("vocoders", generation.vocoder.use)).open(
    definition,
    generation.vocoder.options,
    context,
  );
  const count = order.outputs.length;
  const total = count * sampler.evaluations;
  const at = (index: number) => join(context.folder, `${index}.safetensors`);
  for (let first = 0; first < count; first += generation.batch) {
    const indices = Array.from({ length: Math.min(generation.batch, count - first) }, (_, i) => first + i);
    const report = (k: number) =>
      context.progress(first * sampler.evaluations + indices.length * k, total, "evaluations");
    if (!indices.every((index) => existsSync(at(index)))) {
      const requests = indices.map((noiseIndex) => ({ clip: condition, noiseIndex }));
      const result = await sampler.sample(requests, report, join(context.folder, `${first}.unfinished.safetensors`));
      const part = (data: Float32Array, shape: readonly number[], i: number) => ({
        shape,
        data: data.slice(i * sizeOf(shape), (i + 1) * sizeOf(shape)),
      });
      for (const [i, index] of indices.entries())
        await writeSafetensors(at(index), {
          latents: part(result.video, whole.video, i),
          features: part(result.audio, whole.audio, i),
        });
    }
    report(sampler.evaluations);
  }
  for (const [index, path] of order.outputs.entries()) {
    context.signal.throwIfAborted();
    const { tensors } = await readSafetensors(at(index));
    const features = media.restored(tensors.features!.data as Float32Array, whole.audio[1]);
    const sound =
      given.task === "a2v"
        ? undefined
        : finiteSound(
            await vocoder.synthesise(features, stream(pipeline.seed, "vocoder", index)),
            generation.vocoder.use,
            `what becomes "${path}"`,
          );
    if (order.spectrograms) await writeFile(spectrogramOf(path), spectrogramPng(features));
    const clip = { latents: tensors.latents!.data as Float32Array, ...(sound && { sound }) };
    const film = { task: given.task, source: order.source, length, picture };
    await writeFilm(input, media, path, clip, film, whole.video[0]);
  }
  await sampler.dispose();
  await autoencoder.dispose();
  await vocoder.dispose();
  const spectrograms = order.spectrograms && { spectrograms: order.outputs.map(spectrogramOf) };
  const generated: Generated = {
    files: order.outputs,
    ...spectrograms,
    seconds: length.seconds,
    windows: starts.length,
  };
  return { ...generated };
}

/** What the worker thread runs for `cmmd generate`: not part of any pipeline. */
export const stages: readonly Stage[] = [
  {
    name: "generate",
    reads: ["prepare", "encode", "train"],
    applies: () => true,
    depends: () => ({}),
    components: () => [],
    run,
  },
];
