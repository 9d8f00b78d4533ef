import { CmmdError } from "../errors.js";
import { featureDefinition } from "../pipeline/feature-definition.js";
import type { AnyPipeline, Used } from "../pipeline/resolved.js";
import type { Installed } from "../planner/installed.js";
import { definitionDifference } from "../plugin/definition-difference.js";
import type { FeatureDefinition } from "../plugin/media.js";
import { readFacts } from "../train/checkpoint.js";
import { parseWeightsSource } from "./source.js";
import { type Lookup, trainedBy } from "./weights.js";

/** What training writes beside the weights of a vocoder. */
interface VocoderFacts {
  readonly vocoder?: { readonly use: string };
  readonly features?: { readonly definition: FeatureDefinition };
}

const definitionOf = async ({ prepare: { audio } }: AnyPipeline, installed: Installed) =>
  featureDefinition(
    await Promise.all(
      audio.map(async ({ use, options }) => ({ body: await installed.implementation("transforms", use), options })),
    ),
  );

/**
 * Whether the trainings of the store that vocoders take their weights from (`runs:`) trained such a vocoder, for features as the pipeline's: what
 * opening them would say only after everything before it is computed. Throws CMMD340 and CMMD341.
 */
export async function checkTrainedVocoders(
  used: readonly Used[],
  pipeline: AnyPipeline,
  installed: Installed,
  lookup: Lookup,
): Promise<void> {
  for (const { kind, use, options } of used) {
    if (kind !== "vocoders") continue;
    for (const [option, file] of Object.entries(installed.described(kind, use).weights ?? {})) {
      const source = options[option];
      if (typeof source !== "string") continue;
      const parsed = parseWeightsSource(source, { base: lookup.base, file });
      if (parsed.kind !== "run") continue;
      const { vocoder, features } = (readFacts(trainedBy(parsed.run, lookup).path).configuration ?? {}) as VocoderFacts;
      if (vocoder?.use !== use)
        throw new CmmdError(
          "CMMD340",
          `${use}: ${source} trained ${vocoder ? `the vocoder "${vocoder.use}"` : "no vocoder"}`,
          {
            hint: `Name a pipeline that trains one: vocoder: { use: ${use} }.`,
            exitCode: 2,
          },
        );
      const own = await definitionOf(pipeline, installed);
      const differing = own && features && definitionDifference(use, source, features.definition, own);
      if (differing) throw new CmmdError(differing.code, differing.message, { hint: differing.hint, exitCode: 2 });
    }
  }
}
