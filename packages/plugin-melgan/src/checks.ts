import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CmmdError, type OptionProblem, type PipelineFacts } from "@cmmd/core";
import { configFile, definitionIn, difference } from "./definitions.js";
import { type MelganOptions, shippedWeights } from "./options.js";

/** The definition beside weights on this machine; undefined for those elsewhere, or where the file is missing: opening them says so. */
function definitionBeside(weights: string | undefined, base: string) {
  if (weights !== undefined && /^\w{2,}:/.test(weights)) return undefined;
  const path = weights === undefined ? shippedWeights : resolve(base, weights);
  if (!existsSync(path)) return undefined;
  const config = join(statSync(path).isDirectory() ? path : dirname(path), configFile);
  return existsSync(config) ? definitionIn(readFileSync(config, "utf8"), weights ?? "the vocoder of cmmd") : undefined;
}

/** Options that only training has a use for. */
const ofTraining = ["ngf", "ratios", "residual_layers", "discriminator"] as const;

/** What is wrong with a vocoder that makes sound of the pipeline's features. */
export function checkVocoder(options: MelganOptions, { base, features }: PipelineFacts): readonly OptionProblem[] {
  const unused = ofTraining.filter((option) => options[option] !== undefined);
  const problems: OptionProblem[] = unused.map((option) => ({
    option,
    code: "CMMD344",
    message: `"${option}" is an option of training: trained weights say themselves what their network is`,
    hint: "Remove it.",
  }));
  try {
    const trained = definitionBeside(options.weights, base);
    const differing = trained && features && difference(options.weights ?? "the vocoder of cmmd", trained, features);
    if (differing) problems.push({ option: options.weights === undefined ? "use" : "weights", ...differing });
  } catch (error) {
    if (!(error instanceof CmmdError)) throw error;
    problems.push({ option: "weights", code: error.code, message: error.message, hint: error.hint ?? "" });
  }
  return problems;
}
