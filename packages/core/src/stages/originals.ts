import { openSafetensors } from "../data/safetensors.js";
import type { ShardRow, Shards } from "../data/shards.js";
import type { Rendition } from "../plugin/components.js";
import type { Features, Frames, Waveform } from "../plugin/media.js";
import type { NamedTensor } from "../plugin/tensors.js";
import type { FeatureStatistics } from "./features.js";
import type { Pictures } from "./pictures.js";

/** Pictures [count, height, width, 3] of a stored tensor. */
export function framesOf({ shape, data }: NamedTensor): Frames {
  return { count: shape[0]!, height: shape[1]!, width: shape[2]!, data: data as Uint8Array };
}

/** Feature frames [frames, bins] of a stored tensor. */
export function featuresOf({ shape, data }: NamedTensor): Features {
  return { frames: shape[0]!, bins: shape[1]!, data: data as Float32Array };
}

/** Pictures of a prepared clip of `count` frames, without the `before` frames of context that precede it. */
export async function readFrames(pictures: Pictures, id: string, before: number, count: number): Promise<Frames> {
  const all = await pictures.clip(id);
  const picture = all.height * all.width * 3;
  return { ...all, count, data: all.data.subarray(before * picture, (before + count) * picture) };
}

/** Sound of a prepared clip of `count` frames, without its context. */
async function readWaveform(
  shards: Shards,
  id: string,
  before: number,
  count: number,
  { video, audio }: FeatureStatistics["rates"],
): Promise<Waveform> {
  const all = (await shards.tensor(id, "waveform")).data as Float32Array;
  const perFrame = audio / video;
  return { rate: audio, samples: all.slice(Math.round(before * perFrame), Math.round((before + count) * perFrame)) };
}

/** The `count` frames of a prepared clip itself, without its context. */
export function preparedClip(
  shards: Shards,
  pictures: Pictures,
  { id, before }: ShardRow,
  count: number,
  rates: FeatureStatistics["rates"],
): Rendition {
  return {
    frames: () => readFrames(pictures, id, before as number, count),
    waveform: () => readWaveform(shards, id, before as number, count, rates),
    features: async () => featuresOf(await shards.tensor(id, "features")),
  };
}

/** A clip whose tensors are a file: a generated one, or what `generate` cut out of a recording beside it. `rate` is that of its sound. */
export function clipOfFile(path: string, rate: number): Rendition {
  const read = async (name: string) => (await openSafetensors(path)).read(name);
  return {
    frames: async () => framesOf(await read("frames")),
    waveform: async () => ({ rate, samples: (await read("waveform")).data as Float32Array }),
    features: async () => featuresOf(await read("features")),
  };
}
