import { CmmdError } from "../errors.js";
import { clipFacts } from "../pipeline/clip-facts.js";
import type { ResolvedPipeline, Used } from "../pipeline/resolved.js";
import type { PairShape } from "../plugin/clips.js";
import type { ClipFacts, ModelBody } from "../plugin/components.js";
import type { Registry } from "../registry/registry.js";

const entryOf = ({ use, options }: Used) => ({ ...options, use });

interface ClipSizes {
  readonly shape: PairShape;
  /** Steps of each modality per second. */
  readonly rates: ClipFacts["rates"];
}

/** Latents and features of one clip, by the pipeline alone: no data, no weights. Throws CMMD571 when the pipeline does not fix them. */
export async function clipSizes({ data, prepare, latents }: ResolvedPipeline, registry: Registry): Promise<ClipSizes> {
  const facts = await clipFacts(
    {
      clip: data.clip,
      video: prepare.video.map(entryOf),
      audio: prepare.audio.map(entryOf),
      latents: entryOf(latents),
    },
    registry,
  );
  if (facts?.clips.shape) return { shape: facts.clips.shape, rates: facts.clips.rates };
  const [what, hint] = facts
    ? [
        `the autoencoder "${latents.use}" does not say what it makes of the pictures' size, or nothing fixes that size`,
        "End prepare.video with { use: resize, size: 128 }, a size that the autoencoder divides.",
      ]
    : [
        "the transforms do not fix the frame rate, the sample rate and the features",
        "Add { use: fps, rate: 10 } to prepare.video and { use: resample, rate: 16000 } to prepare.audio.",
      ];
  throw new CmmdError("CMMD571", `the sizes of clips are not known before the data are: ${what}`, {
    hint,
    exitCode: 2,
  });
}

/** Draws nothing: for models that can only be asked for their parameters by making them. */
const nothing = { uniform: () => 0, integer: () => 0, normal: (count: number) => new Float32Array(count) };

/** Names and shapes of the model's parameters for clips of `shape`, in their stable order. */
export function parameterShapes(
  model: ModelBody<unknown>,
  options: unknown,
  shape: PairShape,
): Readonly<Record<string, { readonly shape: readonly number[] }>> {
  return model.parameters?.(options, shape) ?? model.initialise(options, shape, () => nothing);
}
