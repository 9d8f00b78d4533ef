import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stream } from "../diffusion/random.js";
import { CmmdError } from "../errors.js";
import type { PairShape } from "../plugin/clips.js";
import { sizeOf } from "../plugin/tensors.js";
import { finiteSound } from "../sample/finite-sound.js";
import { openMedia } from "../sample/media.js";
import { openSampler } from "../sample/sampler.js";
import { preparedSources } from "../sample/sources.js";
import { waveFile } from "../sample/wave-file.js";
import { openAutoencoder } from "../stages/encode.js";
import { readFeatureStatistics } from "../stages/features.js";
import { enlargement } from "../stages/generate.js";
import type { StageInput } from "../stages/stage.js";
import type { Layout } from "./buckets.js";
import { averagedWeights } from "./checkpoint.js";
import type { States } from "./objective.js";
import { spectrogramPng } from "./spectrogram-png.js";

/** What turns generated latents and features into files; opened with the first samples. */
async function openWorkshop(input: StageInput) {
  const { pipeline, context, component, inputs } = input;
  const { samples } = pipeline.train;
  const autoencoder = await openAutoencoder(input, inputs.encode!);
  const { definition } = readFeatureStatistics(inputs.prepare!);
  const vocoder = await component("vocoders", samples!.vocoder.use);
  return {
    autoencoder,
    media: await openMedia(input, autoencoder),
    codec: await component("codecs", pipeline.prepare.codec.use),
    vocoder: await vocoder.open(definition, samples!.vocoder.options, context),
  };
}

/**
 * The samples of `train.samples`: `samples/step-N/CLIP.mp4`, `.wav` and `.png` (the spectrogram), generated with the averaged weights from
 * the same noise at every step. Undefined when the pipeline asks for none.
 */
export async function openPreview(input: StageInput, layout: Layout, shape: PairShape) {
  const { pipeline, context } = input;
  const { samples } = pipeline.train;
  if (!samples) return undefined;
  // Before the first step: that the split has no clips must not be found when hours have passed.
  const sources = (await preparedSources(input, [samples], 2))(samples);
  let workshop: ReturnType<typeof openWorkshop> | undefined;
  return {
    every: samples.every,
    async run(states: States, step: number): Promise<void> {
      workshop ??= openWorkshop(input);
      const { media, codec, vocoder } = await workshop;
      const folder = join(context.folder, "samples", `step-${step}`);
      mkdirSync(folder, { recursive: true });
      const opened = await Promise.all(sources.map((source) => source.open()));
      const sampler = await openSampler(input, samples, await averagedWeights(states.model!, layout), shape);
      const requests = opened.map(({ condition }, noiseIndex) => ({ clip: condition, noiseIndex }));
      const result = await sampler
        .sample(requests, () => undefined)
        .catch((error: unknown) => {
          // Early weights under strong guidance: no reason to end a training that is sound itself.
          if (!(error instanceof CmmdError && error.code === "CMMD532")) throw error;
          context.warn(`no samples of step ${step}: ${error.message}`);
          return undefined;
        });
      await sampler.dispose();
      if (!result) return;
      for (const [i, { original }] of opened.entries()) {
        context.signal.throwIfAborted();
        const part = (data: Float32Array, size: number) => data.slice(i * size, (i + 1) * size);
        const features = media.restored(part(result.audio, sizeOf(shape.audio)), shape.audio[1]);
        const waveform =
          samples.task === "a2v"
            ? original.waveform
            : finiteSound(
                await vocoder.synthesise(features, stream(pipeline.seed, "vocoder", i)),
                samples.vocoder.use,
                `clip ${sources[i]!.id} of the samples of step ${step}`,
              );
        const frames =
          samples.task === "v2a"
            ? original.frames
            : await media.pictures(part(result.video, sizeOf(shape.video)), shape.video[0], original.frames);
        const path = join(folder, sources[i]!.id);
        writeFileSync(`${path}.wav`, waveFile(waveform));
        writeFileSync(`${path}.png`, spectrogramPng(features));
        const film = { frames, waveform, rate: media.rates.video, scale: enlargement(frames.height) };
        await codec.encode(`${path}.tmp.mp4`, film, pipeline.prepare.codec.options, context);
        renameSync(`${path}.tmp.mp4`, `${path}.mp4`);
      }
    },
    async dispose(): Promise<void> {
      if (!workshop) return;
      const { autoencoder, vocoder } = await workshop;
      await vocoder.dispose();
      await autoencoder.dispose();
    },
  };
}
