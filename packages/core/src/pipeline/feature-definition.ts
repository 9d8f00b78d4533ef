import type { TransformBody } from "../plugin/components.js";
import type { FeatureDefinition } from "../plugin/media.js";

/** A transform of the sound with its options. */
export interface SoundTransform {
  readonly body: TransformBody<unknown>;
  readonly options: unknown;
}

/** What features the sound's transforms end in. Undefined where they are none, or are in each other's way, which is told elsewhere. */
export function featureDefinition(transforms: readonly SoundTransform[]): FeatureDefinition | undefined {
  const rate = transforms
    .map(({ body, options }) => (body.modality === "audio" ? body.rate?.(options) : undefined))
    .findLast((one) => one !== undefined);
  const last = transforms.at(-1);
  if (rate === undefined || last?.body.modality !== "features") return undefined;
  try {
    return last.body.definition(last.options, rate);
  } catch {
    // Options that fit no sound of this rate: the stage that needs them says why.
    return undefined;
  }
}
