import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  CmmdError,
  type Context,
  type FeatureDefinition,
  matchTensors,
  type NamedTensors,
  readSafetensors,
} from "@cmmd/core";
import { configFile, definitionIn, officialDefinition } from "./definitions.js";
import { type GeneratorOptions, generatorParameters, hopOf } from "./generator.js";
import { weightsFile } from "./options.js";
import { foldWeightNorm, type Shapes } from "./weight-norm.js";

/** A generator that was trained, its weight normalisation folded, and the features that it was trained on. */
export interface Trained {
  readonly options: GeneratorOptions;
  readonly parameters: NamedTensors;
  readonly definition: FeatureDefinition;
}

/** What the sizes of a generator are, by the shapes of its folded parameters. Undefined when they are no generator's. */
function sizesOf(parameters: Shapes): GeneratorOptions | undefined {
  const shape = (name: string): readonly number[] | undefined => parameters[`${name}.weight`]?.shape;
  const first = shape("model.1");
  if (first?.length !== 3) return undefined;
  const ratios: number[] = [];
  const layers: number[] = [];
  let place = 3;
  for (let up = shape(`model.${place}`); up?.length === 3; up = shape(`model.${place}`)) {
    ratios.push(up[2]! / 2);
    let count = 0;
    while (shape(`model.${place + 1 + count}.shortcut`)) count++;
    layers.push(count);
    place += 2 + count;
  }
  if (ratios.length === 0) return undefined;
  return { bins: first[1]!, ngf: first[0]! / 2 ** ratios.length, ratios, residual_layers: layers[0]! };
}

/** Names as the official code has them: newer versions of PyTorch name the parts of weight normalisation otherwise. */
const officialName = (name: string) =>
  name
    .replace(".parametrizations.weight.original0", ".weight_g")
    .replace(".parametrizations.weight.original1", ".weight_v");

/** The generator's tensors as the official code names them, out of a checkpoint that may hold others beside them. */
function generatorIn(tensors: NamedTensors): NamedTensors {
  const renamed = Object.entries(tensors).map(([name, tensor]) => [officialName(name), tensor] as const);
  const first = renamed.map(([name]) => /^(.*?)model\.1\.weight(_v)?$/.exec(name)).find((match) => match !== null);
  const prefix = first?.[1] ?? "";
  return Object.fromEntries(
    renamed.flatMap(([name, tensor]) =>
      name.startsWith(`${prefix}model.`) ? [[name.slice(prefix.length), tensor]] : [],
    ),
  );
}

/**
 * The sizes of the generator in a checkpoint and its parameters, weight normalisation folded. `source` is for messages. Throws CMMD340 for
 * tensors that are no MelGAN generator, and CMMD570 with all that do not fit together.
 */
function generatorOf(tensors: NamedTensors, source: string): Omit<Trained, "definition"> {
  const parameters = foldWeightNorm(generatorIn(tensors));
  const options = sizesOf(parameters);
  if (!options)
    throw new CmmdError("CMMD340", `${source}: not the weights of a MelGAN generator`, {
      hint: "Its first convolution is called model.1 and its first upsampling model.3. Give the file of the generator, not of the discriminators or of another network.",
      exitCode: 2,
    });
  const expected = Object.fromEntries(
    Object.entries(generatorParameters(options)).flatMap(([name, shape]) =>
      name.endsWith(".weight_g") ? [] : [[name.replace(/\.weight_v$/, ".weight"), shape]],
    ),
  );
  matchTensors(parameters, expected, source);
  const broken = Object.keys(parameters).filter((name) => !parameters[name]!.data.every(Number.isFinite));
  if (broken.length > 0)
    throw new CmmdError("CMMD340", `${source}: the weights are not finite: ${broken.join(", ")}`, {
      hint: "The training that wrote them had failed. Take an earlier checkpoint.",
      exitCode: 2,
    });
  return { options, parameters };
}

/**
 * The generator of a checkpoint, named as the official code names it, and the features that the official code trains on where nothing is said.
 * Throws CMMD340 and CMMD570.
 */
export function publishedGenerator(tensors: NamedTensors, source: string) {
  const { options } = generatorOf(tensors, source);
  return { tensors: generatorIn(tensors), definition: officialDefinition(options.bins, hopOf(options)) };
}

/** The address of another file beside the one of a repository. */
function besideInHub(source: string, file: string): string {
  const parts = source.slice("hf://".length).split("/");
  return `hf://${[...parts.slice(0, Math.max(2, parts.length - 1)), file].join("/")}`;
}

/** Reads the generator that a source of weights names. Throws CMMD340, CMMD342, CMMD410, CMMD523, CMMD560 to CMMD564 and CMMD570. */
export async function readGenerator(source: string, context: Pick<Context, "weights">): Promise<Trained> {
  // Of a training its averaged weights.
  const path = await context.weights(source, source.startsWith("runs:") ? "ema.safetensors" : weightsFile);
  const beside = source.startsWith("hf://")
    ? await context.weights(besideInHub(source, configFile), configFile)
    : join(dirname(path), configFile);
  const { tensors } = await readSafetensors(path);
  const text = await readFile(beside, "utf8").catch(() => undefined);
  return { ...generatorOf(tensors, source), definition: definitionIn(text, source) };
}
