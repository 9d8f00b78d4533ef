import { existsSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import { CmmdError } from "../errors.js";
import { suggestion } from "../pipeline/nearest.js";
import { type AnyPipeline, diffusionPipeline, type ResolvedPipeline, trainsVocoder } from "../pipeline/resolved.js";
import { pipelinesOf, type RunRecord, readRun, runsOf } from "./runs.js";
import { Store } from "./store.js";

/** A finished training in a store, with what it was trained on. */
export interface TrainedRun<P extends AnyPipeline = ResolvedPipeline> {
  readonly store: Store;
  readonly record: RunRecord<P>;
  /** Artifacts of the stages of the run that the store has, by stage. */
  readonly artifacts: Readonly<Record<string, string>>;
}

const neededBy = (pipeline: AnyPipeline) =>
  trainsVocoder(pipeline) ? ["prepare", "train"] : ["prepare", "encode", "train"];

function notFound(message: string, hint: string): CmmdError {
  return new CmmdError("CMMD534", message, { hint, exitCode: 2 });
}

/** The run with its artifacts when it was trained and the store still has everything that sampling needs. */
function trained(store: Store, record: RunRecord): TrainedRun<AnyPipeline> | undefined {
  const there = record.stages.filter(({ stage, key }) => store.has(stage, key));
  const artifacts = Object.fromEntries(there.map(({ stage, key }) => [stage, store.folder(stage, key)]));
  return neededBy(record.pipeline).every((stage) => stage in artifacts) ? { store, record, artifacts } : undefined;
}

/** A run's folder, its `run.json`, or the folder of a `train` artifact. */
function ofPath(path: string): TrainedRun<AnyPipeline> | undefined {
  const folder = basename(path) === "run.json" ? dirname(path) : path;
  const store = new Store(resolve(folder, "../../.."));
  const record = readRun(folder);
  if (record) {
    const found = trained(store, record);
    if (found) return found;
    throw notFound(
      `the run in "${folder}" has not finished training, or the store no longer has its results`,
      again(record),
    );
  }
  const all = pipelinesOf(store).flatMap((name) => [...runsOf(store, name)]);
  const its = all.find(({ stages }) => stages.some(({ stage, key }) => stage === "train" && key === basename(folder)));
  return its && trained(store, its);
}

const again = ({ pipeline }: RunRecord) => `Train it: cmmd run ${relative(process.cwd(), pipeline.path)} train`;

/**
 * The newest trained run of the pipeline called `name` in the first of `stores` that has one, or the run that a path names: a run's folder,
 * or that of a `train` artifact. Throws CMMD534 with the runs that there are.
 */
export function findTrainedRun(name: string, stores: readonly string[]): TrainedRun<AnyPipeline> {
  if (existsSync(name)) {
    const found = ofPath(resolve(name));
    if (found) return found;
  }
  const there = stores.filter((root) => existsSync(root)).map((root) => new Store(root));
  let untrained: RunRecord | undefined;
  for (const store of there)
    for (const record of runsOf(store, name)) {
      const found = trained(store, record);
      if (found) return found;
      untrained ??= record;
    }
  if (untrained) throw notFound(`no run of "${name}" has finished training`, again(untrained));
  const names = [...new Set(there.flatMap(pipelinesOf))];
  const places = (there.length > 0 ? there.map(({ root }) => root) : stores).map((root) => `"${root}"`).join(" or ");
  throw notFound(
    there.length === 0 ? `there is no store at ${places}` : `there is no run of "${name}" in ${places}`,
    names.length === 0
      ? "Run a pipeline first (cmmd run PIPELINE), or name its store: --store FOLDER."
      : suggestion(name, names, "runs"),
  );
}

/** The run, when it trained a diffusion model, as `what` needs; throws CMMD594 when it trained a vocoder. */
export function ofDiffusion({ record, ...run }: TrainedRun<AnyPipeline>, what: string): TrainedRun {
  return { ...run, record: { ...record, pipeline: diffusionPipeline(record.pipeline, what) } };
}
