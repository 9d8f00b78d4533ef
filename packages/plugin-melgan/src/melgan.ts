import { CmmdError, type NamedTensors } from "@cmmd/core";
import type { Architecture } from "./architecture.js";
import { margin } from "./blocks.js";
import { foldedAs, networkIn } from "./checkpoints.js";
import { officialDefinition } from "./definitions.js";
import { generate, generatorParameters } from "./generator.js";
import { fewestFrames, type GeneratorOptions, hopOf } from "./sizes.js";
import { foldWeightNorm, type Shapes } from "./weight-norm.js";

const first = "model.1";

/** What the sizes of a generator are, by the shapes of its folded parameters. Undefined when they are no generator's. */
function sizesOf(parameters: Shapes): GeneratorOptions | undefined {
  const shape = (name: string): readonly number[] | undefined => parameters[`${name}.weight`]?.shape;
  const into = shape(first);
  if (into?.length !== 3) return undefined;
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
  return { bins: into[1]!, ngf: into[0]! / 2 ** ratios.length, ratios, residual_layers: layers[0]! };
}

/** MelGAN's generator, named as the official code names it; its weights tell all of its sizes. */
export const melganArchitecture: Architecture = {
  name: "melgan",
  read(tensors, _network, source) {
    const own = networkIn(tensors, first);
    const sizes = sizesOf(foldWeightNorm(own));
    if (!sizes)
      throw new CmmdError("CMMD340", `${source}: not the weights of a MelGAN generator`, {
        hint: "Its first convolution is called model.1 and its first upsampling model.3. Give the file of the generator, not of the discriminators or of another network.",
        exitCode: 2,
      });
    return {
      bins: sizes.bins,
      hop: hopOf(sizes),
      fewestFrames: fewestFrames(sizes),
      margin: margin(sizes),
      parameters: foldedAs(own, generatorParameters(sizes), source),
      generate: (parameters, mel) => generate(sizes, parameters, mel),
    };
  },
};

/**
 * The generator of a checkpoint, named as the official code names it, and the features that the official code trains on where nothing is said.
 * Throws CMMD340 and CMMD570.
 */
export function publishedGenerator(tensors: NamedTensors, source: string) {
  const { bins, hop } = melganArchitecture.read(tensors, undefined, source);
  return { tensors: networkIn(tensors, first), definition: officialDefinition(bins, hop) };
}
