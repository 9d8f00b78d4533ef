import { CmmdError } from "../errors.js";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import type { AudioFilterBody, FeatureBody } from "../plugin/components.js";
import type { StageInput } from "./stage.js";

/** The transforms of sound alone: FFmpeg filters, the rate after them, and the features. Throws CMMD511 when nothing fixes the rate. */
export async function soundChain({ pipeline, component }: Pick<StageInput<VocoderPipeline>, "pipeline" | "component">) {
  const { audio } = pipeline.prepare;
  const last = audio.at(-1)!;
  const filters = await Promise.all(
    audio.slice(0, -1).map(async ({ use, options }) => ({
      body: (await component("transforms", use)) as AudioFilterBody<unknown>,
      options,
    })),
  );
  const rate = filters.map(({ body, options }) => body.rate?.(options)).findLast((one) => one !== undefined);
  if (rate === undefined)
    throw new CmmdError("CMMD511", "prepare must fix the sample rate", {
      hint: "Add { use: resample, rate: 16000 } to prepare.audio.",
      exitCode: 2,
    });
  const features = (await component("transforms", last.use)) as FeatureBody<unknown>;
  const definition = features.definition(last.options, rate);
  return {
    audioFilters: filters.map(({ body, options }) => body.filter(options)),
    rate,
    features,
    definition,
    /** Fewest samples that features can be made of. */
    shortest: definition.window,
  };
}

export type SoundChain = Awaited<ReturnType<typeof soundChain>>;
