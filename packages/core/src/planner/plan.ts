import { dirname } from "node:path";
import { CmmdError } from "../errors.js";
import { suggestion } from "../pipeline/nearest.js";
import { type AnyPipeline, type Device, trainsVocoder, type Used } from "../pipeline/resolved.js";
import type { Json } from "../plugin/components.js";
import type { Stage } from "../stages/stage.js";
import { lastRun } from "../store/runs.js";
import type { Store } from "../store/store.js";
import { checkTrainedVocoders } from "../weights/trained-vocoders.js";
import { weightsContent } from "../weights/weights.js";
import { keyOf } from "./canonical.js";
import { type Change, changesBetween } from "./changes.js";
import type { Installed } from "./installed.js";

/** Bumped when a stage's description changes its form, so that old keys are never mistaken for new ones. */
const format = 1;

/** Milliseconds that the hub has to say what weights are. */
const askingMs = 20_000;

export interface PlannedStage {
  readonly stage: Stage<AnyPipeline>;
  readonly key: string;
  readonly description: Json;
  /** `partial`: not finished, but an interrupted attempt can be continued. `unneeded`: no wanted stage reads it. */
  readonly state: "hit" | "partial" | "miss" | "unneeded";
  /** Leaves that differ from the last run of this pipeline; from the nearest earlier description when the last run had no such stage. */
  readonly changes: readonly Change[];
  /** What `changes` compares with. */
  readonly against: "last run" | "nearest" | "nothing";
  /** Keys of the artifacts that the stage reads, by stage name. */
  readonly inputs: Readonly<Record<string, string>>;
}

export interface PlanOptions {
  readonly pipeline: AnyPipeline;
  readonly device: Device;
  readonly stages: readonly Stage<AnyPipeline>[];
  readonly installed: Installed;
  readonly store: Store;
  /** Stages to bring up to date, with what they need; all when empty. */
  readonly wanted?: readonly string[];
}

function checkWanted(wanted: readonly string[], names: readonly string[], all: readonly string[]): void {
  for (const name of wanted) {
    if (names.includes(name)) continue;
    const known = all.includes(name) ? `this pipeline has no stage "${name}"` : `unknown stage "${name}"`;
    throw new CmmdError("CMMD420", known, {
      hint: suggestion(name, names, "stages"),
      exitCode: 2,
    });
  }
}

async function codeOf(
  used: ReturnType<Stage<AnyPipeline>["components"]>,
  installed: Installed,
): Promise<Record<string, string>> {
  const plugins = new Set(used.flatMap((one) => [one.plugin, ...installed.nested(one).map(({ plugin }) => plugin)]));
  const code: Record<string, string> = {};
  for (const plugin of [...plugins].sort()) code[plugin] = await installed.codeHash(plugin);
  return code;
}

/** A vocoder that is trained makes no sound with the weights that come with it. */
function weightsOf(used: Used, pipeline: AnyPipeline, installed: Installed) {
  const { weights, shipped } = installed.described(used.kind, used.use);
  return trainsVocoder(pipeline) && used === pipeline.vocoder ? { weights } : { weights, shipped };
}

/** What the dataset's files look like now; datasets that render their media depend on their options alone. */
async function fingerprintOf(pipeline: AnyPipeline, installed: Installed): Promise<Json | undefined> {
  const { data, path } = pipeline;
  if (installed.described("datasets", data.use).renders) return undefined;
  const dataset = await installed.implementation("datasets", data.use);
  return dataset.fingerprint?.(data.options, {
    base: dirname(path),
    ...(trainsVocoder(pipeline) && { only: "audio" as const }),
  });
}

/** Which earlier description a stage is compared with, so that the user sees what he changed. */
function compare(stage: string, description: Json, store: Store, last: string | undefined) {
  const earlier = store.descriptions(stage);
  const previous = earlier.find(({ key }) => key === last);
  if (previous) return { changes: changesBetween(previous.description, description), against: "last run" as const };
  const candidates = earlier.map((one) => changesBetween(one.description, description));
  if (candidates.length === 0) return { changes: [], against: "nothing" as const };
  const changes = candidates.reduce((best, one) => (one.length < best.length ? one : best));
  return { changes, against: "nearest" as const };
}

/**
 * The stages of a pipeline in order, each with its key and whether the store has it. Feeds `run`, `plan` and `why`, so that they cannot
 * disagree. Reads the store, writes nothing. Throws CMMD420 for an unknown wanted stage, and whatever the dataset's fingerprint throws.
 */
export async function plan({
  pipeline,
  device,
  stages,
  installed,
  store,
  wanted = [],
}: PlanOptions): Promise<PlannedStage[]> {
  const applicable = stages.filter((stage) => stage.applies(pipeline, (kind, name) => installed.described(kind, name)));
  const names = applicable.map(({ name }) => name);
  checkWanted(
    wanted,
    names,
    stages.map(({ name }) => name),
  );
  const last = new Map(lastRun(store, pipeline.name)?.stages.map(({ stage, key }) => [stage, key]));
  const engine = await installed.engineHash();
  const keys = new Map<string, string>();
  const planned: PlannedStage[] = [];
  for (const [place, stage] of applicable.entries()) {
    const inputs = Object.fromEntries(
      stage.reads.flatMap((name) => (keys.has(name) ? [[name, keys.get(name)!] as const] : [])),
    );
    const used = stage.components(pipeline);
    const lookup = { base: dirname(pipeline.path), folder: store.weights, signal: AbortSignal.timeout(askingMs) };
    const weights = await weightsContent(used, (one) => weightsOf(one, pipeline, installed), lookup);
    await checkTrainedVocoders(used, pipeline, installed, lookup);
    const sources = await stage.sources?.(pipeline, store);
    const fingerprint = place === 0 ? await fingerprintOf(pipeline, installed) : undefined;
    const description: Json = {
      format,
      stage: stage.name,
      depends: stage.depends(pipeline),
      seed: pipeline.seed,
      ...(stage.perDevice === false ? {} : { device }),
      ...(fingerprint === undefined ? {} : { files: fingerprint }),
      ...(weights === undefined ? {} : { weights }),
      ...(sources === undefined ? {} : { sources }),
      inputs,
      code: await codeOf(used, installed),
      engine,
    };
    const key = keyOf(description);
    keys.set(stage.name, key);
    const { changes, against } = compare(stage.name, description, store, last.get(stage.name));
    const state = store.has(stage.name, key) ? "hit" : store.hasPartial(stage.name, key) ? "partial" : "miss";
    planned.push({ stage, key, description, state, changes, against, inputs });
  }
  const needed = new Set(wanted.length > 0 ? wanted : names);
  for (const { stage, state } of [...planned].reverse())
    if (needed.has(stage.name) && state !== "hit") for (const name of stage.reads) needed.add(name);
  return planned.map((one) => (needed.has(one.stage.name) ? one : { ...one, state: "unneeded" }));
}
