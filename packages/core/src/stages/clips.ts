import { join } from "node:path";
import { openSafetensors } from "../data/safetensors.js";
import { readShards, type ShardRow } from "../data/shards.js";
import { readRows, type TensorPlace } from "../data/tensor-rows.js";
import type { Clip, ClipPlace, Modality, PairShape } from "../plugin/clips.js";
import type { FeatureBody } from "../plugin/components.js";
import { type FeatureStatistics, readFeatureStatistics } from "./features.js";
import type { StageInput } from "./stage.js";

/** Samples of the sound that one step of each modality takes. */
export const samplesPerStep = ({ rates, definition }: Pick<FeatureStatistics, "rates" | "definition">) => ({
  video: rates.audio / rates.video,
  audio: definition.hop,
});

/** Where a prepared clip of `steps` stands, by its line of the index. */
export function placeOf(row: ShardRow, steps: ClipPlace["steps"], statistics: FeatureStatistics): ClipPlace {
  const per = samplesPerStep(statistics);
  const [before, after] = [row.before as number, row.after as number];
  return {
    id: row.id,
    recording: row.recording as string,
    split: row.split as Clip["split"],
    events: row.events as number[],
    context: {
      video: { before, after },
      audio: { before: (before * per.video) / per.audio, after: (after * per.video) / per.audio },
    },
    rates: { video: statistics.rates.video, audio: statistics.rates.audio / per.audio },
    steps,
  };
}

/** Tensors of a clip in the shards. */
type Stored = Readonly<Record<"latents" | "features" | "waveform", TensorPlace>>;

/** What the clips of a pipeline are read with. */
interface Reading {
  readonly frames: number;
  readonly scale: { readonly video: number; readonly audio: number };
  readonly statistics: FeatureStatistics;
  readonly features: FeatureBody<unknown>;
}

/** A clip whose values are read whenever they are asked for. */
function storedClip(
  place: ClipPlace,
  shape: PairShape,
  { latents, features, waveform }: Stored,
  reading: Reading,
): Clip {
  const { frames, scale } = reading;
  const { definition, mean, std, rates } = reading.statistics;
  const normalise = (data: ArrayLike<number>) =>
    Float32Array.from(data, (value) => ((value - mean) / std) * scale.audio);
  /** Steps from the beginning of the context to the clip moved by `shift`. */
  const within = (modality: Modality, shift: number) => {
    const { before, after } = place.context[modality];
    if (-shift > before || shift > after)
      throw new RangeError(`clip ${place.id} has no context ${shift} ${modality} steps away`);
    return before + shift;
  };
  return {
    ...place,
    shape,
    video(shift) {
      const from = within("video", shift);
      return (readRows(latents, from, from + frames) as Float32Array).map((value) => value * scale.video);
    },
    audio(shift) {
      if (shift === 0) return normalise(readRows(features));
      const per = samplesPerStep(reading.statistics);
      const length = Math.round(frames * per.video);
      // Rounding may have left the context a sample short.
      const from = Math.min(Math.round(within("audio", shift) * per.audio), waveform.shape[0]! - length);
      const samples = readRows(waveform, from, from + length) as Float32Array;
      const { data } = reading.features.compute(definition, { rate: rates.audio, samples });
      return normalise(data.subarray(0, shape.audio[0] * shape.audio[1]));
    },
  };
}

/** The shards of an artifact, of which one header is in memory at a time: those of neighbouring clips are one. */
function headers(folder: string) {
  let last: { readonly shard: string; readonly opened: ReturnType<typeof openSafetensors> } | undefined;
  return async ({ id, shard }: ShardRow, name: string): Promise<TensorPlace> => {
    if (last?.shard !== shard) last = { shard, opened: openSafetensors(join(folder, shard)) };
    return (await last.opened).place(`${id}.${name}`);
  };
}

/**
 * The prepared clips of the given splits: scaled latents and normalised features, with moved versions within their context. Values are read
 * from the shards whenever they are asked for; in memory is where each clip stands, some 1 kB. Throws CMMD410 or CMMD412 for damaged shards.
 */
export async function openClips(
  { pipeline, inputs, component }: Pick<StageInput, "pipeline" | "inputs" | "component">,
  splits: readonly string[],
): Promise<{ clips: Clip[]; shape: PairShape }> {
  const { index } = await readShards(inputs.prepare!);
  const encoded = new Map((await readShards(inputs.encode!)).index.map((row) => [row.id, row]));
  const { frames } = pipeline.data.clip;
  const reading: Reading = {
    frames,
    scale: pipeline.diffusion.scale,
    statistics: readFeatureStatistics(inputs.prepare!),
    features: (await component("transforms", pipeline.prepare.audio.at(-1)!.use)) as FeatureBody<unknown>,
  };
  const [inPrepared, inEncoded] = [headers(inputs.prepare!), headers(inputs.encode!)];
  const clips: Clip[] = [];
  for (const row of index) {
    if (!splits.includes(row.split as string)) continue;
    const stored: Stored = {
      latents: await inEncoded(encoded.get(row.id)!, "latents"),
      features: await inPrepared(row, "features"),
      waveform: await inPrepared(row, "waveform"),
    };
    const [, height, width, channels] = stored.latents.shape as [number, number, number, number];
    const shape: PairShape = {
      video: [frames, height, width, channels],
      audio: stored.features.shape as [number, number],
    };
    const place = placeOf(row, { video: frames, audio: shape.audio[0] }, reading.statistics);
    clips.push(storedClip(place, shape, stored, reading));
  }
  return { clips, shape: clips[0]?.shape ?? { video: [0, 0, 0, 0], audio: [0, 0] } };
}
