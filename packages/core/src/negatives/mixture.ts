import { concatenate } from "../data/concatenate.js";
import type { Random } from "../diffusion/random.js";
import { CmmdError } from "../errors.js";
import type { Clip, ClipPlace, Modality, Span } from "../plugin/clips.js";
import type { NegativeBody, UseNegative } from "../plugin/components.js";
import type { StageInput } from "../stages/stage.js";

/** A negative that a loss names in its options. */
export interface ConfiguredNegative {
  /** e.g. `train.losses.1.negatives.audio.0` */
  readonly key: string;
  readonly entry: UseNegative;
  readonly modality: Modality;
  readonly body: NegativeBody<unknown>;
}

interface Found {
  readonly path: readonly string[];
  readonly entry: UseNegative;
}

/** The `use:` entries in a loss's options, at any depth. */
function entriesIn(value: unknown, path: readonly string[]): Found[] {
  if (value === null || typeof value !== "object") return [];
  const inside = Object.entries(value).flatMap(([key, item]) => entriesIn(item, [...path, key]));
  return "use" in value && typeof value.use === "string" ? [{ path, entry: value as UseNegative }, ...inside] : inside;
}

const isModality = (word: unknown): word is Modality => word === "video" || word === "audio";

/** The negatives of all losses, in the order of the pipeline. What a list is for is told by its key, or by the loss's option `modality`. */
export async function configuredNegatives({
  pipeline,
  component,
}: Pick<StageInput, "pipeline" | "component">): Promise<ConfiguredNegative[]> {
  const found = pipeline.train.losses.flatMap(({ options }, i) =>
    entriesIn(options, ["train", "losses", String(i)]).flatMap(({ path, entry }) => {
      const named = path.find(isModality) ?? options.modality;
      const modalities = isModality(named) ? [named] : (["audio", "video"] as const);
      return modalities.map((modality) => ({ key: path.join("."), entry, modality }));
    }),
  );
  return Promise.all(found.map(async (one) => ({ ...one, body: await component("negatives", one.entry.use) })));
}

/** Where the negative `entry` of `clip` comes from. Throws CMMD551 when it cannot be made, CMMD552 when the plugin gave something else. */
export function planNegative<C extends ClipPlace>(
  { entry, modality, body }: Pick<ConfiguredNegative, "entry" | "modality" | "body">,
  clip: C,
  pool: readonly C[],
  random: Random,
): readonly Span<C>[] {
  const spans = body.plan(entry, { clip, pool, modality, random });
  const length = spans.reduce((sum, { from, to }) => sum + to - from, 0);
  if (length !== clip.steps[modality])
    throw new CmmdError("CMMD552", `the negative "${entry.use}" made ${length} steps of ${clip.steps[modality]}`, {
      hint: "Report this to the author of the plugin that brings it.",
    });
  return spans;
}

/** Latents or features of spans, one after the other: the rows of the moved clips. */
function assemble(spans: readonly Span<Clip>[], modality: Modality): Float32Array {
  const parts = spans.map(({ clip, shift, from, to }) => {
    const whole = clip[modality](shift);
    const row = whole.length / clip.steps[modality];
    return whole.subarray(from * row, to * row);
  });
  return parts.length === 1 ? parts[0]! : concatenate(parts);
}

/**
 * Draws negatives by the mixtures in the pipeline. Every clip of the pool is tried first: throws CMMD551 before training when a configured
 * negative cannot be made of some of them.
 */
export async function openNegatives(
  input: Pick<StageInput, "pipeline" | "component"> & { readonly context: Pick<StageInput["context"], "random"> },
  pool: readonly Clip[],
): Promise<(entries: readonly UseNegative[], clip: Clip, modality: Modality, random: Random) => Float32Array> {
  const configured = await configuredNegatives(input);
  for (const one of configured) refuseImpossible(one, pool, input.context.random("try negatives"));
  const bodies = new Map(configured.map(({ entry, body }) => [entry.use, body]));
  return (entries, clip, modality, random) => {
    const entry = chooseByWeight(entries, random);
    const body = bodies.get(entry.use)!;
    return assemble(planNegative({ entry, modality, body }, clip, pool, random), modality);
  };
}

function refuseImpossible(negative: ConfiguredNegative, pool: readonly Clip[], random: Random): void {
  const failures: CmmdError[] = [];
  for (const clip of pool) {
    try {
      planNegative(negative, clip, pool, random);
    } catch (error) {
      if (!(error instanceof CmmdError && error.code === "CMMD551")) throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  if (!first) return;
  throw new CmmdError(
    "CMMD551",
    `${failures.length} of ${pool.length} clips of the split "${pool[0]!.split}" cannot give the negative "${negative.entry.use}" (${negative.key}); the first: ${first.message}`,
    { hint: first.hint },
  );
}

/** One of the entries, drawn with their weights as shares. */
function chooseByWeight(entries: readonly UseNegative[], random: Random): UseNegative {
  let point = random.uniform() * entries.reduce((sum, { weight }) => sum + (weight ?? 1), 0);
  for (const entry of entries) {
    point -= entry.weight ?? 1;
    if (point < 0) return entry;
  }
  return entries.at(-1)!;
}
