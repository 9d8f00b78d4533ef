import { dirname, join, resolve } from "node:path";
import {
  deviceOf,
  installedBy,
  loadRegistry,
  type PlannedStage,
  parsePipeline,
  plan,
  type ResolvedPipeline,
  type RunEvent,
  type RunResult,
  runPlan,
  Store,
  stages,
} from "@cmmd/core";
import { builtins } from "./builtins.js";
import { version } from "./version.js";

/** A validated pipeline and what can be done with it. */
export interface Session {
  readonly pipeline: ResolvedPipeline;
  /** Stages named on the command line. */
  readonly wanted: readonly string[];
  /** Which device `auto` is, and why; undefined when the pipeline names one. */
  readonly chosen: string | undefined;
  plan(): Promise<PlannedStage[]>;
  run(
    planned: readonly PlannedStage[],
    options: { readonly signal: AbortSignal; emit(event: RunEvent): void },
  ): Promise<RunResult>;
}

interface SessionOptions {
  /** Absolute. */
  readonly path: string;
  readonly overrides: readonly string[];
  readonly wanted: readonly string[];
  readonly store: string | undefined;
}

/** Loads the plugins and the pipeline. Throws CmmdErrors with all mistakes in it. */
export async function openSession({ path, overrides, wanted, store: folder }: SessionOptions): Promise<Session> {
  const base = dirname(path);
  const builtin = await loadRegistry({ builtins, plugins: [], base });
  const { resolved: pipeline, registry } = await parsePipeline(path, {
    overrides: [...overrides],
    env: process.env,
    registry: builtin,
  });
  const { device, reason } = await deviceOf(pipeline);
  const store = new Store(folder === undefined ? join(base, ".cmmd") : resolve(folder));
  return {
    pipeline,
    wanted,
    chosen: pipeline.device === "auto" ? `device ${device}: ${reason}` : undefined,
    plan: () => plan({ pipeline, device, stages, installed: installedBy(registry), store, wanted }),
    run: (planned, { signal, emit }) =>
      runPlan({
        pipeline,
        planned,
        device,
        store,
        builtins,
        overrides,
        versions: { cmmd: version(), node: process.versions.node, platform: `${process.platform} ${process.arch}` },
        signal,
        emit,
      }),
  };
}
