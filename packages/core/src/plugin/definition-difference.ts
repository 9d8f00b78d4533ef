import type { FeatureDefinition } from "./media.js";

const shown = (definition: FeatureDefinition) =>
  Object.entries(definition)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");

/**
 * What is wrong with giving features to a vocoder that was trained on others, both shown; undefined when they are the same. `source` is where its
 * weights come from.
 */
export function definitionDifference(
  vocoder: string,
  source: string,
  trained: FeatureDefinition,
  given: FeatureDefinition,
) {
  const names = [...new Set([...Object.keys(trained), ...Object.keys(given)])];
  const differing = names.filter((name) => trained[name] !== given[name]);
  if (differing.length === 0) return undefined;
  return {
    code: "CMMD341",
    message: `${vocoder}: ${source} was trained on other features (${differing.join(", ")}):\n  trained on: ${shown(trained)}\n  given:      ${shown(given)}`,
    hint: "Set the mel transform of prepare.audio and the sample rate to what the weights were trained on, or train a vocoder for these features.",
  };
}
