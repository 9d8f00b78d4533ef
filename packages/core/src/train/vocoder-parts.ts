import type { VocoderPipeline } from "../pipeline/resolved.js";
import type { FeatureBody } from "../plugin/components.js";
import type { FeatureDefinition } from "../plugin/media.js";
import type { StageInput } from "../stages/stage.js";
import { layoutOf } from "./buckets.js";
import type { VocoderParts } from "./vocoder-program.js";

/** The networks, features and layouts of a pipeline that trains a vocoder. */
export async function openVocoderParts(
  { pipeline, component }: Pick<StageInput<VocoderPipeline>, "pipeline" | "component">,
  definition: FeatureDefinition,
): Promise<VocoderParts> {
  const { use, options } = pipeline.vocoder;
  const { training } = await component("vocoders", use);
  const { traced } = (await component("transforms", pipeline.prepare.audio.at(-1)!.use)) as FeatureBody<unknown>;
  if (!training || !traced) throw new Error(`the vocoder "${use}" cannot be trained with these features`);
  const { model, discriminator } = training.parameters(options, definition);
  const layouts = { model: layoutOf(model), discriminator: layoutOf(discriminator) };
  return { training, features: traced, definition, layouts };
}
