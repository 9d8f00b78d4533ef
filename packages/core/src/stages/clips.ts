import { readShards } from "../data/shards.js";
import { CmmdError } from "../errors.js";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import type { Clip, PairShape } from "../plugin/clips.js";
import type { FeatureBody } from "../plugin/components.js";
import { readFeatureStatistics } from "./features.js";
import type { StageInput } from "./stage.js";

/** Longer or shorter clips than those trained on are not made yet; the key is refused rather than ignored. */
function refuseOtherLengths({ data, generate }: ResolvedPipeline): void {
  for (const { name, frames } of generate)
    if (frames !== undefined && frames !== data.clip.frames)
      throw new CmmdError(
        "CMMD531",
        `the generation "${name}" asks for ${frames} frames, but clips have ${data.clip.frames}`,
        {
          hint: "Remove generate.frames: clips are generated at the length of data.clip.frames.",
          exitCode: 2,
        },
      );
}

/** The scaled latents and normalised features of every prepared clip of the given splits, with moved versions within their context. */
export async function loadClips(
  { pipeline, inputs, component }: StageInput,
  splits: readonly string[],
): Promise<{ clips: Clip[]; shape: PairShape }> {
  refuseOtherLengths(pipeline);
  const prepared = await readShards(inputs.prepare!);
  const encoded = await readShards(inputs.encode!);
  const { definition, mean, std, rates } = readFeatureStatistics(inputs.prepare!);
  const features = (await component("transforms", pipeline.prepare.audio.at(-1)!.use)) as FeatureBody<unknown>;
  const { frames } = pipeline.data.clip;
  const { scale } = pipeline.diffusion;
  const samplesPerFrame = rates.audio / rates.video;
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
    const context = { before: row.before as number, after: row.after as number };
    const normalise = (data: ArrayLike<number>) =>
      Float32Array.from(data, (value) => ((value - mean) / std) * scale.audio);
    const scaled = (latents.data as Float32Array).map((value) => value * scale.video);
    const moved = new Map([[0, normalise(own.data)]]);
    const within = (shift: number) => {
      if (-shift > context.before || shift > context.after)
        throw new RangeError(`clip ${row.id} has no context ${shift} frames away`);
      return context.before + shift;
    };
    clips.push({
      id: row.id,
      split: row.split as Clip["split"],
      events: row.events as number[],
      context,
      rate: rates.video,
      shape,
      video(shift) {
        const from = within(shift) * perFrame;
        return scaled.subarray(from, from + frames * perFrame);
      },
      audio(shift) {
        const begin = Math.round(within(shift) * samplesPerFrame);
        const known = moved.get(shift);
        if (known) return known;
        const samples = (waveform as Float32Array).subarray(begin, begin + Math.round(frames * samplesPerFrame));
        const { data } = features.compute(definition, { rate: rates.audio, samples });
        const result = normalise(data.subarray(0, shape.audio[0] * shape.audio[1]));
        moved.set(shift, result);
        return result;
      },
    });
  }
  return { clips, shape: clips[0]?.shape ?? { video: [0, 0, 0, 0], audio: [0, 0] } };
}
