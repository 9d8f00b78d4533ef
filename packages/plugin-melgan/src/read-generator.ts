import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CmmdError, type Context, type FeatureDefinition, readSafetensors } from "@cmmd/core";
import type { Architecture, Generator } from "./architecture.js";
import { configFile, readConfig } from "./definitions.js";
import { weightsFile } from "./options.js";

/** A generator that was trained, and the features that it was trained on. */
export interface Trained extends Generator {
  readonly definition: FeatureDefinition;
}

/** The address of another file beside the one of a repository. */
function besideInHub(source: string, file: string): string {
  const parts = source.slice("hf://".length).split("/");
  return `hf://${[...parts.slice(0, Math.max(2, parts.length - 1)), file].join("/")}`;
}

/** Reads the generator that a source of weights names. Throws CMMD340, CMMD342, CMMD410, CMMD523, CMMD560 to CMMD564 and CMMD570. */
export async function readGenerator(
  architecture: Architecture,
  source: string,
  context: Pick<Context, "weights">,
): Promise<Trained> {
  const path = await context.weights(source, weightsFile);
  const beside = source.startsWith("hf://")
    ? await context.weights(besideInHub(source, configFile), configFile)
    : join(dirname(path), configFile);
  const { tensors } = await readSafetensors(path);
  const { definition, network } = readConfig(await readFile(beside, "utf8").catch(() => undefined), source);
  const generator = architecture.read(tensors, network, source);
  const { bins, hop } = generator;
  if (definition.bins !== bins || definition.hop !== hop)
    throw new CmmdError(
      "CMMD342",
      `${source}: its ${configFile} says ${definition.bins} bins and hop ${definition.hop}, but the weights are for ${bins} bins and hop ${hop}`,
      { hint: "The file belongs to other weights.", exitCode: 2 },
    );
  return { ...generator, definition };
}
