import type { TSchema } from "@sinclair/typebox";
import type { AnyPipeline, ResolvedPipeline, Used } from "../pipeline/resolved.js";
import type { Described, Json } from "../plugin/components.js";
import type { Context } from "../plugin/context.js";
import type { ComponentKinds, Kind } from "../plugin/plugin.js";
import type { Store } from "../store/store.js";

/** What a stage is given: the pipeline, its inputs' folders, and its own folder (`context.folder`), which is committed when it returns. */
export interface StageInput<P extends AnyPipeline = ResolvedPipeline> {
  readonly pipeline: P;
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
  /** Says of an interrupted stage that it has begun to write its checkpoint: it is given the time that this takes. */
  saving(): void;
}

/** Facts worth keeping in run.json and the report, e.g. { "psnr_db": 31.2, "clips": 64 }. */
export type StageSummary = Readonly<Record<string, Json>>;

export interface Stage<P extends AnyPipeline = ResolvedPipeline> {
  readonly name: string;
  /** Stages whose artifacts it reads. */
  readonly reads: readonly string[];
  /** Whether the pipeline has this stage at all; `described` is a component's declaration, its code not yet loaded. */
  applies(pipeline: P, described: (kind: Kind, name: string) => Described<TSchema>): boolean;
  /** The part of the pipeline that the result depends on: goes into the key with the components' code and the inputs' keys. */
  depends(pipeline: P): Json;
  /** What else the result depends on that is found in the store or on disk, by its content: part of the key. Called when the stage is planned. */
  sources?(pipeline: P, store: Store): Promise<Json | undefined>;
  /** Components that the stage runs, for the code hash; those named inside their options are found by the planner. */
  components(pipeline: P): readonly Used[];
  /** False when the result is the same on every device; the device is part of the key otherwise. */
  readonly perDevice?: boolean;
  /**
   * Frees what nobody needs any more once the stage's artifact is in the store, also where it was there before, and gives what to tell the
   * user. May be interrupted at any time. `inputs`: folders of the artifacts that the stage reads, by stage name.
   */
  settle?(pipeline: P, inputs: Readonly<Record<string, string>>): Promise<string | undefined>;
  /** Module-level entry in the worker thread. Checks `context.signal`, checkpoints into `context.folder`. */
  run(input: StageInput<P>): Promise<StageSummary>;
}
