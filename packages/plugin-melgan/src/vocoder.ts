import { existsSync } from "node:fs";
import {
  CmmdError,
  type Context,
  definitionDifference,
  type FeatureDefinition,
  type Features,
  type OpenVocoder,
  type VocoderBody,
} from "@cmmd/core";
import { jit, type tf } from "@cmmd/jit";
import type { Architecture } from "./architecture.js";
import { blocksOf } from "./blocks.js";
import { melganArchitecture, publishedGenerator } from "./melgan.js";
import { type MelganOptions, shippedWeights } from "./options.js";
import { readGenerator } from "./read-generator.js";
import { melganTraining } from "./training/training.js";

/** Frames that are computed at once; longer spectrograms in overlapping blocks of as many. */
const blockFrames = 256;
/** Programs of shorter spectrograms that are kept, each of one length. */
const mostPrograms = 4;

/** Throws CMMD343 for features that no sound can be made of. */
function checkFeatures(vocoder: string, { frames, bins, data }: Features, expected: number): void {
  const wrong = (message: string, hint: string) => new CmmdError("CMMD343", `${vocoder}: ${message}`, { hint });
  if (bins !== expected)
    throw wrong(`features of ${bins} bins, but the vocoder takes ${expected}`, "Give features as its definition says.");
  if (frames < 1 || data.length !== frames * bins)
    throw wrong(`${frames} frames of ${bins} bins with ${data.length} values`, "Give at least one whole frame.");
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at >= 0)
    throw wrong(
      `the features are not finite (${data[at]} in frame ${Math.floor(at / bins)}, bin ${at % bins})`,
      "What made them has failed: a model that diverged, or sound that holds such values.",
    );
}

/** At least `fewest` frames, the last one repeated. */
function extended({ frames, bins, data }: Features, fewest: number): Float32Array {
  const long = new Float32Array(Math.max(frames, fewest) * bins);
  long.set(data);
  for (let frame = frames; frame < fewest; frame++) long.set(data.subarray((frames - 1) * bins), frame * bins);
  return long;
}

/**
 * A trained network as a vocoder: frozen programs, one for each length up to a block's. Throws what `readGenerator` throws, and CMMD341 with both
 * definitions when the features are others than those the weights were trained on.
 */
export async function openVocoder(
  architecture: Architecture,
  source: string,
  given: FeatureDefinition,
  context: Context,
): Promise<OpenVocoder> {
  const { name } = architecture;
  const { definition, parameters, generate, fewestFrames, margin } = await readGenerator(architecture, source, context);
  const differing = definitionDifference(name, source, definition, given);
  if (differing) throw new CmmdError(differing.code, differing.message, { hint: differing.hint, exitCode: 2 });
  const { bins, hop, rate } = definition;
  const programs = new Map<number, ReturnType<typeof programOf>>();
  const programOf = () =>
    jit((p: Record<string, tf.Tensor>, mel: tf.Tensor) => generate(p, mel as tf.Tensor3D), {
      ...context.computing,
      name,
      freeze: [0],
    });

  const programFor = async (frames: number) => {
    const program = programs.get(frames) ?? programOf();
    // The one that was used longest ago goes first.
    programs.delete(frames);
    programs.set(frames, program);
    const [oldest] = programs;
    if (programs.size > mostPrograms) {
      programs.delete(oldest![0]);
      await oldest![1].dispose();
    }
    return program;
  };
  const compute = async (frames: number, data: Float32Array): Promise<Float32Array> => {
    context.signal.throwIfAborted();
    const program = await programFor(frames);
    const result = await program(parameters, { shape: [1, frames, bins], data });
    const { data: samples } = await result.read();
    result.dispose();
    return samples as Float32Array;
  };

  return {
    async synthesise(features) {
      checkFeatures(name, features, bins);
      const data = extended(features, fewestFrames);
      const frames = data.length / bins;
      const samples = new Float32Array(features.frames * hop);
      if (frames <= blockFrames) samples.set((await compute(frames, data)).subarray(0, samples.length));
      else
        for (const { start, from, to } of blocksOf(frames, blockFrames, margin)) {
          const block = await compute(blockFrames, data.slice(start * bins, (start + blockFrames) * bins));
          samples.set(block.subarray((from - start) * hop, (to - start) * hop), from * hop);
        }
      return { rate, samples };
    },
    async dispose() {
      await Promise.all([...programs.values()].map((program) => program.dispose()));
    },
  };
}

function sourceOf({ weights }: MelganOptions): string {
  if (weights !== undefined) return weights;
  if (existsSync(shippedWeights)) return shippedWeights;
  throw new CmmdError("CMMD340", "melgan: no weights come with this version", {
    hint: "Name some: weights: FOLDER, hf://owner/repo or runs:PIPELINE.",
    exitCode: 2,
  });
}

/** MelGAN, in inference and in training. */
export const melgan: VocoderBody<MelganOptions> = {
  published: publishedGenerator,
  training: melganTraining,
  open: (definition, options, context) => openVocoder(melganArchitecture, sourceOf(options), definition, context),
};
