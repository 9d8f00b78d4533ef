import { CmmdError, type FeatureDefinition } from "@cmmd/core";

/** Name of what lies beside a file of weights and says what they are of. */
export const configFile = "config.json";

/** What the official code trains on where nothing else is said. */
export const officialDefinition = (bins = 80, hop = 256): FeatureDefinition => ({
  kind: "log10-mel",
  rate: 22050,
  bins,
  window: 1024,
  hop,
  fmin: 0,
  fmax: 11025,
  floor: 1e-5,
});

const byHand = `A vocoder must know the features that it was trained on. "cmmd import" and training write the file; by hand it is ${JSON.stringify({ features: { definition: officialDefinition() } })}.`;

/** The definition of the features in the text of a `config.json`; undefined where there is no such file. Throws CMMD342. */
export function definitionIn(text: string | undefined, source: string): FeatureDefinition {
  const wrong = (why: string, cause?: unknown) =>
    new CmmdError("CMMD342", `${source}: ${why}`, { hint: byHand, exitCode: 2, cause });
  if (text === undefined) throw wrong(`there is no ${configFile} beside the weights`);
  try {
    const { definition } = (JSON.parse(text) as { features: { definition: FeatureDefinition } }).features;
    if (typeof definition.kind !== "string" || typeof definition.hop !== "number") throw new TypeError();
    return definition;
  } catch (cause) {
    throw wrong(`the ${configFile} beside the weights says nothing about features`, cause);
  }
}

const shown = (definition: FeatureDefinition) =>
  Object.entries(definition)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");

/** What is wrong with giving features to a vocoder that was trained on others, both shown; undefined when they are the same. */
export function difference(source: string, trained: FeatureDefinition, given: FeatureDefinition) {
  const names = [...new Set([...Object.keys(trained), ...Object.keys(given)])];
  const differing = names.filter((name) => trained[name] !== given[name]);
  if (differing.length === 0) return undefined;
  return {
    code: "CMMD341",
    message: `melgan: ${source} was trained on other features (${differing.join(", ")}):\n  trained on: ${shown(trained)}\n  given:      ${shown(given)}`,
    hint: "Set the mel transform of prepare.audio and the sample rate to what the weights were trained on, or train a vocoder for these features.",
  };
}
