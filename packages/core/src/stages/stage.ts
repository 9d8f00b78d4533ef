import type { TSchema } from "@sinclair/typebox";
import type { ResolvedPipeline, Used } from "../pipeline/resolved.js";
import type { Described, Json } from "../plugin/components.js";
import type { Context } from "../plugin/context.js";
import type { ComponentKinds, Kind } from "../plugin/plugin.js";
import type { Store } from "../store/store.js";

/** What a stage is given: the pipeline, its inputs' folders, and its own folder (`context.folder`), which is committed when it returns. */
export interface StageInput {
  readonly pipeline: ResolvedPipeline;
  readonly device: "cpu" | "webgpu" | "cuda";
  /** Folder of the store in which compiled programs are kept. */
  readonly programs: string;
  /** Folders of the committed artifacts of the stages that this one reads, by stage name. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Import specifiers of the plugins that every pipeline has: for a stage's own threads. */
  readonly builtins: readonly string[];
  readonly context: Context;
  /** What a command asked for beside the pipeline; absent in a run. */
  readonly options?: Json;
  /** The loaded implementation of a component. */
  component<K extends Kind>(kind: K, name: string): Promise<ComponentKinds[K]>;
  metric(name: string, value: number, step?: number): void;
  artifact(name: string, path: string): void;
}

/** Facts worth keeping in run.json and the report, e.g. { "psnr_db": 31.2, "clips": 64 }. */
export type StageSummary = Readonly<Record<string, Json>>;

export interface Stage {
  readonly name: string;
  /** Stages whose artifacts it reads. */
  readonly reads: readonly string[];
  /** Whether the pipeline has this stage at all; `described` is a component's declaration, its code not yet loaded. */
  applies(pipeline: ResolvedPipeline, described: (kind: Kind, name: string) => Described<TSchema>): boolean;
  /** The part of the pipeline that the result depends on: goes into the key with the components' code and the inputs' keys. */
  depends(pipeline: ResolvedPipeline): Json;
  /** What else the result depends on that is found in the store or on disk, by its content: part of the key. Called when the stage is planned. */
  sources?(pipeline: ResolvedPipeline, store: Store): Promise<Json | undefined>;
  /** Components that the stage runs, for the code hash; those named inside their options are found by the planner. */
  components(pipeline: ResolvedPipeline): readonly Used[];
  /** False when the result is the same on every device; the device is part of the key otherwise. */
  readonly perDevice?: boolean;
  /** Module-level entry in the worker thread. Checks `context.signal`, checkpoints into `context.folder`. */
  run(input: StageInput): Promise<StageSummary>;
}
