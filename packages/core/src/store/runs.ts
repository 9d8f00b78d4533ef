import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../data/atomic.js";
import type { AnyPipeline } from "../pipeline/resolved.js";
import type { StageSummary } from "../stages/stage.js";
import { explained } from "./errors.js";
import { makeFolder } from "./folder.js";
import type { Store } from "./store.js";

/** A stage in `run.json`. */
export interface RunStage {
  readonly stage: string;
  readonly key: string;
  readonly state: "hit" | "done" | "failed" | "interrupted" | "pending";
  readonly seconds?: number;
  readonly summary?: StageSummary;
}

/** What `runs/<pipeline>/<id>/run.json` holds: everything to tell what a run was and what came out. */
export interface RunRecord<P extends AnyPipeline = AnyPipeline> {
  readonly id: string;
  readonly state: "running" | "done" | "failed" | "interrupted";
  /** ISO 8601. */
  readonly started: string;
  readonly seconds?: number;
  readonly overrides: readonly string[];
  readonly device: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly stages: readonly RunStage[];
  /** Last value of each scalar by stage. */
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly pipeline: P;
}

const fileName = "run.json";
const folderOf = (store: Store, pipeline: string) => join(store.root, "runs", pipeline.replace(/[^\w.-]/g, "_"));

/** A name that sorts by time: `20260131T093000123Z-1f2e`. */
export function newRunId(now: Date): string {
  const time = now.toISOString().replace(/[-:.]/g, "");
  return `${time}-${randomBytes(2).toString("hex")}`;
}

export async function writeRun(store: Store, record: RunRecord): Promise<void> {
  const folder = join(folderOf(store, record.pipeline.name), record.id);
  await explained(folder, async () => {
    await makeFolder(folder);
    await writeAtomically(join(folder, fileName), [`${JSON.stringify(record, null, 2)}\n`]);
  });
}

/** The run that was recorded in a folder, if there is one. */
export function readRun(folder: string): RunRecord | undefined {
  const path = join(folder, fileName);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as RunRecord) : undefined;
}

/** The runs of a pipeline, newest first, each read when it is reached. */
export function* runsOf(store: Store, pipeline: string): Generator<RunRecord> {
  const folder = folderOf(store, pipeline);
  if (!existsSync(folder)) return;
  for (const id of readdirSync(folder).sort().reverse()) {
    const record = readRun(join(folder, id));
    if (record) yield record;
  }
}

/** Names of the pipelines that were run. */
export function pipelinesOf(store: Store): string[] {
  const folder = join(store.root, "runs");
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** The newest run of a pipeline, if there was one. */
export function lastRun(store: Store, pipeline: string): RunRecord | undefined {
  for (const record of runsOf(store, pipeline)) return record;
  return undefined;
}
