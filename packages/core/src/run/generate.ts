import { access, constants, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, extname, join, relative } from "node:path";
import { CmmdError } from "../errors.js";
import type { Environment } from "../pipeline/load.js";
import { parsePipeline } from "../pipeline/parse.js";
import { type AnyPipeline, diffusionPipeline, type ResolvedPipeline, type Task } from "../pipeline/resolved.js";
import { showPipeline } from "../pipeline/show.js";
import { keyOf } from "../planner/canonical.js";
import { loadRegistry } from "../registry/registry.js";
import { type Generated, type GenerateOrder, orderFile, spectrogramOf } from "../sample/order.js";
import { explained } from "../store/errors.js";
import { makeFolder } from "../store/folder.js";
import { lockFile } from "../store/lock.js";
import { ofDiffusion, type TrainedRun } from "../store/trained-run.js";
import { deviceOf, tryPrecision } from "./device.js";
import type { RunEvent } from "./events.js";
import { StageThread } from "./stage-thread.js";

const stages = new URL("../sample/order-stage.js", import.meta.url).href;

interface GenerateOptions {
  readonly task: Task;
  /** Absolute path of the file that is conditioned on; absent for `joint`. */
  readonly source?: string;
  /** Absolute path; several clips get a number before the ending. */
  readonly output: string;
  /** Whether the spectrogram of each clip's sound is written beside it, as PNG. */
  readonly spectrograms: boolean;
  readonly count: number;
  readonly seconds?: number;
  readonly seed?: number;
  readonly device?: string;
  /** Name of a sampler, and options over its own or those of the pipeline's generation of this task. */
  readonly sampler?: string;
  readonly steps?: number;
  /** Weight of the guidance. */
  readonly weight?: number;
  /** Import specifiers of the plugins that every pipeline has. */
  readonly builtins: readonly string[];
  readonly env: Environment;
  readonly signal: AbortSignal;
  emit(event: RunEvent): void;
}

type GenerateResult =
  | { readonly state: "done"; readonly generated: Generated; readonly seed: number }
  /** `stuck`: the worker thread is still inside the runtime; the process has to be ended by a signal. */
  | { readonly state: "interrupted"; readonly stuck: boolean };

/** What each kind of output can hold. Throws CMMD537 for other endings and for folders that cannot be written. */
async function outputsOf({ output, spectrograms, count, task, source }: GenerateOptions): Promise<string[]> {
  const ending = extname(output);
  const wrong = (message: string, hint: string) => new CmmdError("CMMD537", message, { hint, exitCode: 2 });
  if (![".mp4", ".wav"].includes(ending.toLowerCase()))
    throw wrong(`"${output}" cannot be written: its name ends neither in .mp4 nor in .wav`, "Write e.g. -o out.mp4.");
  if (task === "a2v" && ending.toLowerCase() === ".wav")
    throw wrong(`"${output}" would hold sound alone, but the sound is given`, "Write e.g. -o out.mp4.");
  const folder = dirname(output);
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK);
    const there = await stat(output).catch(() => undefined);
    if (there?.isDirectory()) throw new Error("it is a folder");
  } catch (error) {
    throw wrong(`"${output}" cannot be written: ${(error as Error).message}`, "Choose another place with -o.");
  }
  const stem = output.slice(0, output.length - ending.length);
  const outputs = count === 1 ? [output] : Array.from({ length: count }, (_, i) => `${stem}-${i + 1}${ending}`);
  const read = source && (await stat(source).catch(() => undefined));
  for (const path of spectrograms ? [...outputs, ...outputs.map(spectrogramOf)] : outputs) {
    const there = await stat(path).catch(() => undefined);
    if (read && there && read.ino === there.ino && read.dev === there.dev)
      throw wrong(`"${path}" is the file that is read: it would be lost`, "Choose another name with -o.");
  }
  return outputs;
}

/**
 * The run's pipeline with this one generation, validated as any pipeline is. The pipeline's own generation of the same task, if it has one,
 * says what the options leave open.
 */
async function pipelineOf({ record }: TrainedRun, options: GenerateOptions): Promise<ResolvedPipeline> {
  const { task, sampler, steps, weight, seed, device } = options;
  const { pipeline } = record;
  const { path } = pipeline;
  const own = pipeline.generate.find((generation) => generation.task === task) ?? pipeline.generate[0];
  const base = { use: own?.sampler.use ?? "ddim", ...own?.sampler.options };
  const generation = {
    task,
    count: options.count,
    ...(task === "extend" && { known: 1 }),
    ...(own && { weights: own.weights === "initial" ? undefined : own.weights, batch: own.batch }),
    sampler: {
      ...(sampler === undefined || sampler === base.use ? base : { use: sampler }),
      ...(steps !== undefined && { steps }),
    },
    ...(task !== "joint" && {
      guidance: {
        use: "reconstruction",
        ...(own?.guidance && { use: own.guidance.use, ...own.guidance.options }),
        ...(weight !== undefined && { weight }),
      },
    }),
    ...(own && { vocoder: { use: own.vocoder.use, ...own.vocoder.options } }),
  };
  const builtin = await loadRegistry({ builtins: options.builtins, plugins: [], base: dirname(path) });
  const { registry } = await builtin.extend(pipeline.plugins, dirname(path));
  const folder = await mkdtemp(join(tmpdir(), "cmmd-generate-"));
  try {
    const file = join(folder, "pipeline.yaml");
    // Of the training only what a pipeline cannot do without: the rest changes nothing here, and an older run may have other keys there.
    const { steps: trained, batch, ema, losses } = pipeline.train;
    const train = { steps: trained, batch, ema, losses } as ResolvedPipeline["train"];
    await writeFile(file, showPipeline({ ...pipeline, train, generate: [], evaluate: [] }));
    const overrides = [
      `generate=${JSON.stringify([generation])}`,
      ...(seed === undefined ? [] : [`seed=${seed}`]),
      ...(device === undefined ? [] : [`device=${device}`]),
    ];
    const { resolved } = await parsePipeline(file, { overrides, env: options.env, registry });
    return { ...diffusionPipeline(resolved, "generating"), path };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A folder in the store that is the same for the same order, so that what an interrupted one had finished is found again. */
async function workFolderOf({ store, artifacts }: TrainedRun, pipeline: ResolvedPipeline, order: GenerateOrder) {
  const source = order.source && (await stat(order.source).catch(() => undefined));
  const { seed, device, generate } = pipeline;
  const key = keyOf({
    order: { ...order, outputs: order.outputs.length },
    pipeline: { seed, device, generate: generate as never },
    train: relative(store.root, artifacts.train!),
    ...(source && { file: [source.size, source.mtimeMs] }),
  });
  return join(store.root, "generated", key);
}

/**
 * Generates clips with a trained run, outside of any pipeline. Throws CMMD2xx for options that the run's pipeline refuses, CMMD301 and
 * CMMD535 for a file that cannot be conditioned on, CMMD537 for outputs that cannot be written.
 */
export async function generateMedia(found: TrainedRun<AnyPipeline>, options: GenerateOptions): Promise<GenerateResult> {
  const { source, seconds, builtins, signal, emit } = options;
  const run = ofDiffusion(found, "`generate`");
  const outputs = await outputsOf(options);
  const pipeline = await pipelineOf(run, options);
  const { device } = await deviceOf(pipeline);
  await tryPrecision(pipeline, device);
  const order: GenerateOrder = {
    outputs,
    spectrograms: options.spectrograms,
    ...(source !== undefined && { source }),
    ...(seconds !== undefined && { seconds }),
  };
  const folder = await workFolderOf(run, pipeline, order);
  const path = `${folder}.lock`;
  const waiting = (pid: number, host: string) =>
    emit({
      type: "log",
      stage: "generate",
      level: "warn",
      message: `waits for process ${pid} on ${host}, which makes the same clips (if it is dead, remove ${path})`,
    });
  const lock = await explained(path, async () => {
    await makeFolder(dirname(folder));
    return lockFile(path, { signal, waiting });
  });
  try {
    await explained(folder, async () => {
      await makeFolder(folder);
      await writeFile(join(folder, orderFile), JSON.stringify(order));
    });
    const { programs, weights } = run.store;
    const start = { stages, builtins, pipeline, device, programs, weights };
    const thread = new StageThread(start, signal, emit);
    const outcome = await thread.compute({ stage: "generate", folder, inputs: run.artifacts });
    await thread.close();
    if (outcome.state === "interrupted") return { state: "interrupted", stuck: thread.stuck };
    const kept = outcome.state === "failed" && (await readdir(folder)).some((name) => name.endsWith(".safetensors"));
    if (!kept) await rm(folder, { recursive: true, force: true });
    if (outcome.state === "failed") throw outcome.error;
    return { state: "done", generated: outcome.summary as unknown as Generated, seed: pipeline.seed };
  } finally {
    await lock.release();
  }
}
