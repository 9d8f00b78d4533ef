import { CmmdError } from "../errors.js";
import type { Used } from "../pipeline/resolved.js";
import type { AudioFilterBody, FeatureBody, VideoFilterBody } from "../plugin/components.js";
import type { StageInput } from "./stage.js";

/** The transforms of the pipeline as FFmpeg filters, rates and the feature transform. */
export async function chain({ pipeline, component }: StageInput) {
  const filters = async <B extends VideoFilterBody<unknown> | AudioFilterBody<unknown>>(
    used: readonly Used[],
    modality: B["modality"],
  ) => {
    let rate: number | undefined;
    let size: readonly [number, number] | undefined;
    const expressions: string[] = [];
    for (const { use, options } of used) {
      const body = await component("transforms", use);
      if (body.modality !== modality)
        throw new CmmdError("CMMD510", `the transform "${use}" is of kind ${body.modality}, not ${modality}`, {
          hint: `Move it to the other list under "prepare".`,
          exitCode: 2,
        });
      expressions.push(body.filter(options));
      rate = body.rate?.(options) ?? rate;
      if (body.modality === "video") size = body.size?.(options) ?? size;
    }
    return { expressions, rate, size };
  };
  const { video: videoUsed, audio: audioUsed } = pipeline.prepare;
  const video = await filters<VideoFilterBody<unknown>>(videoUsed, "video");
  const audio = await filters<AudioFilterBody<unknown>>(audioUsed.slice(0, -1), "audio");
  const last = audioUsed.at(-1)!;
  const features = (await component("transforms", last.use)) as FeatureBody<unknown>;
  if (video.rate === undefined || audio.rate === undefined)
    throw new CmmdError("CMMD511", "prepare must fix the frame rate and the sample rate", {
      hint: `Add { use: fps, rate: 10 } to prepare.video and { use: resample, rate: 16000 } to prepare.audio.`,
      exitCode: 2,
    });
  return {
    videoFilters: video.expressions,
    audioFilters: audio.expressions,
    videoRate: video.rate,
    /** [height, width] of the pictures, where the transforms fix them. */
    size: video.size,
    audioRate: audio.rate,
    features,
    definition: features.definition(last.options, audio.rate),
  };
}

export type Chain = Awaited<ReturnType<typeof chain>>;
