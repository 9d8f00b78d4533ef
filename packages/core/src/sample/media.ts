import type { OpenAutoencoder } from "../plugin/components.js";
import type { Decoded, Features, Frames, Waveform } from "../plugin/media.js";
import { chain } from "../stages/chain.js";
import { readFeatureStatistics } from "../stages/features.js";
import type { StageInput } from "../stages/stage.js";

/** A stretch of a media file. */
interface Stretch {
  readonly path: string;
  /** Seconds from the beginning of the file. */
  readonly start: number;
  /** Video frames at the pipeline's rate. */
  readonly frames: number;
}

/** Between media files and what the network sees, by the transforms, the autoencoder and the statistics that it was trained with. */
export interface Media {
  readonly rates: { readonly video: number; readonly audio: number };
  /** Pictures and sound as `prepare` makes them, or only one of them. */
  decode(stretch: Stretch, only?: "video" | "audio"): Promise<Decoded>;
  /** Latents [count, h, w, c] times their scale. */
  latents(frames: Frames): Promise<Float32Array>;
  /** The first `steps` feature frames of a sound; silence completes a sound that is too short. */
  features(waveform: Waveform, steps: number): Features;
  /** Features with zero mean and unit variance, times their scale. */
  normalised(features: Features): Float32Array;
  /** The inverse of `normalised`. */
  restored(data: Float32Array, bins: number): Features;
  /** The pictures of scaled latents. */
  pictures(latents: Float32Array, count: number, size: Pick<Frames, "height" | "width">): Promise<Frames>;
}

/** The media functions of a trained pipeline; `input.inputs` has the artifact of `prepare`. */
export async function openMedia(input: StageInput, autoencoder: OpenAutoencoder): Promise<Media> {
  const { pipeline, context, component, inputs } = input;
  const { codec: used } = pipeline.prepare;
  const codec = await component("codecs", used.use);
  const { videoFilters, audioFilters, features: transform } = await chain(input);
  const { definition, rates, mean, std } = readFeatureStatistics(inputs.prepare!);
  const { scale } = pipeline.diffusion;
  return {
    rates,
    decode: ({ path, start, frames }, only) =>
      codec.decode(
        {
          path,
          start,
          duration: frames / rates.video,
          videoFilters,
          audioFilters,
          ...(only && { only }),
          signal: context.signal,
        },
        used.options,
        context,
      ),
    latents: async (frames) => (await autoencoder.encode(frames)).map((value) => value * scale.video),
    features(waveform, steps) {
      const samples = new Float32Array(Math.max(waveform.samples.length, steps * definition.hop));
      samples.set(waveform.samples);
      const { bins, data } = transform.compute(definition, { rate: waveform.rate, samples });
      return { frames: steps, bins, data: data.slice(0, steps * bins) };
    },
    normalised: ({ data }) => data.map((value) => ((value - mean) / std) * scale.audio),
    restored: (data, bins) => ({
      frames: data.length / bins,
      bins,
      data: data.map((value) => (value / scale.audio) * std + mean),
    }),
    pictures: (latents, count, { height, width }) =>
      autoencoder.decode(
        latents.map((value) => value / scale.video),
        count,
        height,
        width,
      ),
  };
}
