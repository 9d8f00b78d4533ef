import { readShards, type ShardRow } from "../data/shards.js";
import type { Clip, ClipPlace, PairShape } from "../plugin/clips.js";
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

/** The scaled latents and normalised features of every prepared clip of the given splits, with moved versions within their context. */
export async function loadClips(
  { pipeline, inputs, component }: Pick<StageInput, "pipeline" | "inputs" | "component">,
  splits: readonly string[],
): Promise<{ clips: Clip[]; shape: PairShape }> {
  const prepared = await readShards(inputs.prepare!);
  const encoded = await readShards(inputs.encode!);
  const statistics = readFeatureStatistics(inputs.prepare!);
  const { definition, mean, std, rates } = statistics;
  const features = (await component("transforms", pipeline.prepare.audio.at(-1)!.use)) as FeatureBody<unknown>;
  const { frames } = pipeline.data.clip;
  const { scale } = pipeline.diffusion;
  const per = samplesPerStep(statistics);
  const samplesOfClip = Math.round(frames * per.video);
  const clips: Clip[] = [];
  for (const row of prepared.index) {
    if (!splits.includes(row.split as string)) continue;
    const latents = await encoded.tensor(row.id, "latents");
    const own = await prepared.tensor(row.id, "features");
    const { data: waveform } = await prepared.tensor(row.id, "waveform");
    const [, height, width, channels] = latents.shape as [number, number, number, number];
    const shape: PairShape = {
      video: [frames, height, width, channels],
      audio: own.shape as [number, number],
    };
    const perFrame = height * width * channels;
    const normalise = (data: ArrayLike<number>) =>
      Float32Array.from(data, (value) => ((value - mean) / std) * scale.audio);
    const scaled = (latents.data as Float32Array).map((value) => value * scale.video);
    const normalised = normalise(own.data);
    const place = placeOf(row, { video: frames, audio: shape.audio[0] }, statistics);
    /** Steps from the beginning of the context to the clip moved by `shift`. */
    const within = (modality: "video" | "audio", shift: number) => {
      const { before, after } = place.context[modality];
      if (-shift > before || shift > after)
        throw new RangeError(`clip ${row.id} has no context ${shift} ${modality} steps away`);
      return before + shift;
    };
    clips.push({
      ...place,
      shape,
      video(shift) {
        const from = within("video", shift) * perFrame;
        return scaled.subarray(from, from + frames * perFrame);
      },
      audio(shift) {
        if (shift === 0) return normalised;
        // Rounding may have left the context a sample short.
        const latest = (waveform as Float32Array).length - samplesOfClip;
        const begin = Math.min(Math.round(within("audio", shift) * per.audio), latest);
        const samples = (waveform as Float32Array).subarray(begin, begin + samplesOfClip);
        const { data } = features.compute(definition, { rate: rates.audio, samples });
        return normalise(data.subarray(0, shape.audio[0] * shape.audio[1]));
      },
    });
  }
  return { clips, shape: clips[0]?.shape ?? { video: [0, 0, 0, 0], audio: [0, 0] } };
}
