import type { ResolvedPipeline } from "../pipeline/resolved.js";
import type { Json } from "../plugin/components.js";
import type { Context } from "../plugin/context.js";
import type { ComponentKinds, Kind } from "../plugin/plugin.js";

/** What a stage is given: the pipeline, its inputs' folders, and its own folder (`context.folder`), which is committed when it returns. */
export interface StageInput {
  readonly pipeline: ResolvedPipeline;
  readonly device: "cpu" | "webgpu" | "cuda";
  /** Folders of the committed artifacts of the stages that this one reads, by stage name. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly context: Context;
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
  /** Whether the pipeline has this stage at all. */
  applies(pipeline: ResolvedPipeline): boolean;
  /** The part of the pipeline that the result depends on: goes into the key with the components' code and the inputs' keys. */
  depends(pipeline: ResolvedPipeline): Json;
  /** Components that the stage runs, for the code hash. */
  components(
    pipeline: ResolvedPipeline,
  ): readonly { readonly kind: Kind; readonly use: string; readonly plugin: string }[];
  /** Module-level entry in the worker thread. Checks `context.signal`, checkpoints into `context.folder`. */
  run(input: StageInput): Promise<StageSummary>;
}
