import { CmmdError, type FeatureDefinition, type Json } from "@cmmd/core";

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

/** What a `config.json` beside weights says. */
interface Config {
  /** Name of the vocoder that the weights are of; undefined where it is not told. */
  readonly use: string | undefined;
  /** Of the features that the weights were trained on. */
  readonly definition: FeatureDefinition;
  /** Of the network what its weights do not tell. */
  readonly network: Json | undefined;
}

/** Reads the text of a `config.json`; undefined where there is no such file. Throws CMMD342. */
export function readConfig(text: string | undefined, source: string): Config {
  const wrong = (why: string, cause?: unknown) =>
    new CmmdError("CMMD342", `${source}: ${why}`, { hint: byHand, exitCode: 2, cause });
  if (text === undefined) throw wrong(`there is no ${configFile} beside the weights`);
  try {
    const { features, vocoder } = JSON.parse(text) as {
      features: { definition: FeatureDefinition };
      vocoder?: { use?: string; network?: Json };
    };
    const { definition } = features;
    if (typeof definition.kind !== "string" || typeof definition.hop !== "number") throw new TypeError();
    return { use: vocoder?.use, definition, network: vocoder?.network };
  } catch (cause) {
    throw wrong(`the ${configFile} beside the weights says nothing about features`, cause);
  }
}
