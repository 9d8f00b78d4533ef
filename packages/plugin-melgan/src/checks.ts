import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
  CmmdError,
  definitionDifference,
  type FeatureDefinition,
  type OptionProblem,
  type PipelineFacts,
  type TrainingProblem,
} from "@cmmd/core";
import { configFile, readConfig } from "./definitions.js";
import { type MelganOptions, shippedWeights } from "./options.js";
import { fewestFrames, hopOf, trainedSizes } from "./sizes.js";
import { shortestSpectrum } from "./training/resolutions.js";

const shipped = "the vocoder of cmmd";

/** What lies beside weights on this machine; undefined for those elsewhere, or where there are none: planning says so. Throws CMMD342. */
function configBeside(weights: string | undefined, base: string) {
  if (weights !== undefined && /^\w{2,}:/.test(weights)) return undefined;
  const path = weights === undefined ? shippedWeights : resolve(base, weights);
  if (!existsSync(path)) return undefined;
  const config = join(statSync(path).isDirectory() ? path : dirname(path), configFile);
  return readConfig(existsSync(config) ? readFileSync(config, "utf8") : undefined, weights ?? shipped);
}

/** Options that only training has a use for. */
const ofTraining = ["ngf", "ratios", "residual_layers", "discriminator"] as const;

/** What is wrong with weights for the pipeline's features. */
export function checkWeights(
  vocoder: string,
  { weights }: { readonly weights?: string },
  { base, features }: PipelineFacts,
): readonly OptionProblem[] {
  try {
    const { use = vocoder, definition } = configBeside(weights, base) ?? {};
    if (use !== vocoder)
      return [
        {
          option: "weights",
          code: "CMMD340",
          message: `${vocoder}: ${weights} holds weights of the vocoder "${use}"`,
          hint: `Write use: ${use}, or name other weights.`,
        },
      ];
    const differing = definition && features && definitionDifference(vocoder, weights ?? shipped, definition, features);
    return differing ? [{ option: weights === undefined ? "use" : "weights", ...differing }] : [];
  } catch (error) {
    if (!(error instanceof CmmdError)) throw error;
    return [{ option: "weights", code: error.code, message: error.message, hint: error.hint ?? "" }];
  }
}

/** What is wrong with a vocoder that makes sound of the pipeline's features. */
export function checkVocoder(options: MelganOptions, facts: PipelineFacts): readonly OptionProblem[] {
  const unused = ofTraining.filter((option) => options[option] !== undefined);
  const problems = unused.map((option) => ({
    option,
    code: "CMMD344",
    message: `"${option}" is an option of training: trained weights say themselves what their network is`,
    hint: "Remove it.",
  }));
  return [...problems, ...checkWeights("melgan", options, facts)];
}

/** What is wrong with training a vocoder for these features with segments of so many samples. */
export function checkTraining(
  options: MelganOptions,
  { features: { bins, hop }, segment }: { readonly features: FeatureDefinition; readonly segment: number },
): readonly TrainingProblem[] {
  const sizes = trainedSizes(options, bins);
  const made = hopOf(sizes);
  const shortest = Math.max(fewestFrames(sizes), Math.ceil(shortestSpectrum / hop)) * hop;
  return [
    ...(made === hop
      ? []
      : [
          {
            path: ["vocoder", "ratios"],
            code: "CMMD595",
            message: `melgan: the ratios ${sizes.ratios.join(" · ")} make ${made} samples of a frame, but the features have one every ${hop}`,
            hint: "Change vocoder.ratios so that their product is the hop, or the features' hop.",
          },
        ]),
    ...(segment >= shortest
      ? []
      : [
          {
            path: ["train", "segment"],
            code: "CMMD595",
            message: `melgan: segments of ${segment} samples are too short for the network and its losses`,
            hint: `Set train.segment to ${shortest} at least.`,
          },
        ]),
  ];
}
