import type { ClipFacts, TransformBody } from "../plugin/components.js";
import type { FeatureDefinition } from "../plugin/media.js";
import type { Registry } from "../registry/registry.js";
import { keptFeatures } from "../stages/features.js";
import { latentGrid } from "./latent-size.js";
import type { UseEntry } from "./use.js";

/** The parts of a pipeline, each valid in itself, that fix the sizes of clips. */
export interface ClipParts {
  readonly clip: { readonly frames: number; readonly context: number };
  /** `prepare.video` and `prepare.audio`, in order. */
  readonly video: readonly UseEntry[];
  readonly audio: readonly UseEntry[];
  readonly latents: UseEntry | undefined;
}

type Transforms = readonly { readonly body: TransformBody<unknown>; readonly entry: UseEntry }[];

/** What the last of the transforms of one modality that fixes something fixes it to. */
function fixed<T>(transforms: Transforms, read: (body: TransformBody<unknown>, entry: UseEntry) => T | undefined) {
  return transforms.map(({ body, entry }) => read(body, entry)).findLast((value) => value !== undefined);
}

/** The sizes of clips before any is there, and what their features are; undefined when the transforms do not fix them or are in each other's way, which is told elsewhere. */
export async function clipFacts(
  { clip, video, audio, latents }: ClipParts,
  registry: Registry,
): Promise<
  | {
      readonly clips: ClipFacts;
      readonly features: FeatureDefinition;
      /** [height, width], when the transforms fix them. */
      readonly pictures: readonly [number, number] | undefined;
    }
  | undefined
> {
  const load = (entries: readonly UseEntry[]): Promise<Transforms> =>
    Promise.all(
      entries.map(async (entry) => ({ body: await registry.implementation("transforms", entry.use), entry })),
    );
  const rate = (body: TransformBody<unknown>, entry: UseEntry) =>
    body.modality === "features" ? undefined : body.rate?.(entry);
  try {
    const [pictures, sounds] = await Promise.all([load(video), load(audio)]);
    const [videoRate, audioRate] = [fixed(pictures, rate), fixed(sounds, rate)];
    const last = sounds.at(-1);
    if (videoRate === undefined || audioRate === undefined || last?.body.modality !== "features") return undefined;
    const definition = last.body.definition(last.entry, audioRate);
    const steps = keptFeatures(last.body.frames(definition, Math.round((clip.frames * audioRate) / videoRate)));
    const size = fixed(pictures, (body, entry) => (body.modality === "video" ? body.size?.(entry) : undefined));
    const grid = size && latents && latentGrid(registry, latents, ...size);
    const clips: ClipFacts = {
      rates: { video: videoRate, audio: definition.rate / definition.hop },
      steps: { video: clip.frames, audio: steps },
      context: clip.context,
      shape: grid?.every(Number.isInteger)
        ? { video: [clip.frames, ...grid], audio: [steps, definition.bins] }
        : undefined,
    };
    return { clips, features: definition, pictures: size };
  } catch {
    // A definition or a shape that cannot be: the stage that needs it says why.
    return undefined;
  }
}
