import { existsSync } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeAtomically } from "../data/atomic.js";
import { readSafetensors } from "../data/safetensors.js";
import { CmmdError } from "../errors.js";
import { pipelinePrograms } from "../inspect/programs.js";
import { clipSizes } from "../inspect/sizes.js";
import { suggestion } from "../pipeline/nearest.js";
import { type AnyPipeline, trainsVocoder } from "../pipeline/resolved.js";
import { loadRegistry } from "../registry/registry.js";
import { ofDiffusion, type TrainedRun } from "../store/trained-run.js";

export interface OnnxOptions {
  /** Absolute path of the file. */
  readonly output: string;
  /** Name of a generation of the pipeline, or its task; the first when absent. */
  readonly generation?: string;
  /** Clips per evaluation. */
  readonly batch: number;
  /** Import specifiers of the plugins that every pipeline has. */
  readonly builtins: readonly string[];
}

/**
 * Writes one evaluation of a trained run's sampler, its weights inside, as a standard ONNX model: from noisy `video` and `audio` at step `n` with
 * `alphaBar`, and what is `known`, to x0 and eps of both. Throws CMMD575 for a generation that the pipeline does not have, CMMD594 for a vocoder.
 */
export async function exportOnnx(run: TrainedRun<AnyPipeline>, options: OnnxOptions) {
  const { record, artifacts } = ofDiffusion(run, "an ONNX model of the sampler");
  const { pipeline } = record;
  const { generate } = pipeline;
  const wanted = options.generation;
  const generation =
    wanted === undefined ? generate[0] : generate.find(({ name, task }) => name === wanted || task === wanted);
  if (!generation)
    throw new CmmdError(
      "CMMD575",
      wanted === undefined
        ? `the run of "${pipeline.name}" generates nothing`
        : `the run of "${pipeline.name}" has no generation "${wanted}"`,
      {
        hint: suggestion(
          wanted ?? "",
          generate.map(({ name }) => name),
          "generations",
        ),
        exitCode: 2,
      },
    );
  const base = dirname(pipeline.path);
  const builtin = await loadRegistry({ builtins: options.builtins, plugins: [], base });
  const { registry } = await builtin.extend(pipeline.plugins, base);
  const { shape, rates } = await clipSizes(pipeline, registry);
  const programs = await pipelinePrograms(pipeline, registry, shape, rates);
  const path = join(artifacts.train!, `${generation.weights === "model" ? "model" : "ema"}.safetensors`);
  const { tensors } = await readSafetensors(path);
  const { bytes, inputs, outputs } = await programs.toOnnx(generation, options.batch, tensors, path);
  await mkdir(dirname(options.output), { recursive: true });
  await writeAtomically(options.output, [bytes]);
  return { generation: generation.name, bytes: bytes.length, inputs, outputs };
}

const checkpointFiles = ["ema.safetensors", "model.safetensors", "config.json"];

/**
 * Copies a trained run's weights and what they are of into `folder`; the names of the files. Of a vocoder the averaged weights alone, as
 * `model.safetensors`: the folder is one that pipelines take as its weights.
 */
export async function exportSafetensors(
  { record, artifacts }: TrainedRun<AnyPipeline>,
  folder: string,
): Promise<readonly string[]> {
  if (trainsVocoder(record.pipeline)) {
    const copied = { "model.safetensors": "ema.safetensors", "config.json": "config.json" };
    await mkdir(folder, { recursive: true });
    for (const [to, from] of Object.entries(copied)) await copyFile(join(artifacts.train!, from), join(folder, to));
    return Object.keys(copied);
  }
  const there = checkpointFiles.filter((name) => existsSync(join(artifacts.train!, name)));
  await mkdir(folder, { recursive: true });
  for (const name of there) await copyFile(join(artifacts.train!, name), join(folder, name));
  return there;
}
