import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { CmmdError } from "../errors.js";
import { suggestion } from "../pipeline/nearest.js";
import type { AnyPipeline } from "../pipeline/resolved.js";
import { changesBetween, showChange } from "../planner/changes.js";
import type { Json } from "../plugin/components.js";
import { pipelinesOf, type RunRecord, readRun, runsOf } from "../store/runs.js";
import { Store } from "../store/store.js";
import { checkpoints, type Facts } from "./checkpoint.js";

/** Weights that training begins with. */
export interface Origin {
  /** A folder as `writeState` leaves it, or a safetensors file of weights. */
  readonly path: string;
  /** What is there, whatever its path: part of the stage's key. */
  readonly content: Json;
}

/** An error about weights that a run does not have. */
type Missing = (from: string, why: string, hint: string) => CmmdError;

const missing: Missing = (from, why, hint) =>
  new CmmdError("CMMD523", `train.from: "${from}" ${why}`, { hint, exitCode: 2 });

/** The name or path before `@step`, and the step. */
function split(from: string): { readonly name: string; readonly step: number | undefined } {
  const [, name = from, step] = /^(.+)@(\d+)$/.exec(from) ?? [];
  return { name, step: step === undefined ? undefined : Number(step) };
}

const takenSteps = (folder: string): number | undefined => {
  const path = join(folder, "trainer.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as { step: number }).step : undefined;
};

/** The state after `step` steps in the folder of a training, finished or not; the newest when no step is asked for. */
function stateIn(
  folder: string,
  step: number | undefined,
): { readonly path: string; readonly step: number } | undefined {
  const final = takenSteps(folder);
  if (final !== undefined && (step === undefined || step === final)) return { path: folder, step: final };
  const wanted = step ?? checkpoints.newest(folder);
  if (wanted === undefined) return undefined;
  const path = checkpoints.path(folder, wanted);
  return existsSync(path) ? { path, step: wanted } : undefined;
}

/** The state after `step` steps of a recorded run, finished or not. */
function stateOfRun(key: string, store: Store, step: number | undefined): Origin | undefined {
  const folder = store.has("train", key) ? store.folder("train", key) : store.partialFolder("train", key);
  const found = existsSync(folder) ? stateIn(folder, step) : undefined;
  return found && { path: found.path, content: { train: key, step: found.step } };
}

const trainKey = ({ stages }: RunRecord) => stages.find(({ stage }) => stage === "train")?.key;

/** The newest run of a pipeline that trained something, or is still training; its name may end in `@step`. */
export function fromRun(from: string, store: Store, missing: Missing): Origin | undefined {
  const { name, step } = split(from);
  let trained = false;
  for (const record of runsOf(store, name)) {
    const key = trainKey(record);
    if (key === undefined) continue;
    trained = true;
    const found = stateOfRun(key, store, step);
    if (found) return found;
  }
  if (!trained) return undefined;
  throw notReached(from, step, missing);
}

const notReached = (from: string, step: number | undefined, missing: Missing) =>
  missing(
    from,
    step === undefined ? "has no weights in the store yet" : `has no checkpoint of step ${step} in the store`,
    "Run that pipeline up to there; train.checkpoints.keep_every keeps checkpoints of finished training.",
  );

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}

async function fromPath(from: string, base: string): Promise<Origin | undefined> {
  const { name, step } = existsSync(resolve(base, from)) ? { name: from, step: undefined } : split(from);
  const path = isAbsolute(name) ? name : join(base, name);
  if (!existsSync(path)) return undefined;
  if (statSync(path).isFile()) return { path, content: { model: await hashOf(path) } };
  const record = readRun(path);
  const key = record && trainKey(record);
  if (key !== undefined) {
    const found = stateOfRun(key, new Store(resolve(path, "../../..")), step);
    if (found) return found;
    throw notReached(from, step, missing);
  }
  const folder = stateIn(path, step)?.path ?? (step === undefined ? path : undefined);
  if (folder === undefined || !existsSync(join(folder, "model.safetensors")))
    throw missing(
      from,
      step === undefined ? "holds no model.safetensors" : `has no checkpoint of step ${step}`,
      "Name a folder that training wrote, or a safetensors file.",
    );
  const files = readdirSync(folder).filter((file) => /\.safetensors$|^trainer\.json$/.test(file));
  const content: Record<string, Json> = {};
  for (const file of files.sort()) content[file] = await hashOf(join(folder, file));
  return { path: folder, content };
}

/**
 * What `train.from` names: a pipeline whose newest trained run in the store, finished or not, has weights, or the folder of a run or of a
 * training, or a safetensors file, relative to the pipeline's; all but the file may end in `@step`. Throws CMMD523 when there is no such thing.
 */
export async function originOf(pipeline: AnyPipeline, store: Store): Promise<Origin | undefined> {
  const { from } = pipeline.train;
  if (from === undefined) return undefined;
  if (split(from).name === pipeline.name)
    throw missing(from, "is this pipeline itself", "An interrupted run goes on by itself; name another pipeline.");
  const origin = fromRun(from, store, missing) ?? (await fromPath(from, dirname(pipeline.path)));
  if (origin) return origin;
  const known = pipelinesOf(store);
  throw missing(
    from,
    "is neither a pipeline that was run nor a path",
    known.length > 0
      ? suggestion(split(from).name, known, "pipelines in the store")
      : `The store ${store.root} has no runs.`,
  );
}

/** Leaves of `config.json` that may differ: who trained, how long, and clips of other lengths. */
const free = /^(cmmd|name|seed|step|parameters)$|^shape\./;
/** Leaves that new data change; worth telling, no reason to stop. */
const ofData = /^features\.(mean|std)$|^autoencoder\.options\./;

/**
 * Compares what a checkpoint is of with what is trained. What differs is returned as one line; throws CMMD522 with all of it when the weights
 * would mean something else. `incidental` are options of the model that do not change what it computes.
 */
export function compareConfigurations(
  { configuration }: Pick<Facts, "configuration">,
  own: Readonly<Record<string, Json>>,
  source: string,
  { incidental, weightsOnly }: { readonly incidental: readonly string[]; readonly weightsOnly: boolean },
): string | undefined {
  if (configuration === undefined) return undefined;
  const passed = new Set(incidental.map((option) => `model.options.${option}`));
  const changes = changesBetween(configuration as Json, own as Json).filter(
    ({ path }) => !free.test(path) && !passed.has(path),
  );
  const lines = changes.map(showChange);
  const serious = changes.filter(({ path }) => !ofData.test(path)).map(showChange);
  if (serious.length > 0 && !weightsOnly)
    throw new CmmdError(
      "CMMD522",
      `${source}: the checkpoint is of another configuration:\n${serious.map((line) => `  ${line}`).join("\n")}`,
      {
        hint: "Make the pipeline agree with it; or set train.reset: true to begin anew with its weights alone.",
      },
    );
  return lines.length > 0 ? lines.join(", ") : undefined;
}
