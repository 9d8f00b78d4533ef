import { dirname, join, resolve } from "node:path";
import {
  type AnyPipeline,
  deviceOf,
  diffusionPipeline,
  type Inspection,
  inspectPipeline,
  inspectVocoder,
  installedBy,
  loadRegistry,
  type NegativeExample,
  type PlannedStage,
  parsePipeline,
  plan,
  type RunEvent,
  type RunResult,
  renderNegatives,
  runPlan,
  type Shown,
  Store,
  stages,
  surveyData,
  trainsVocoder,
  type VocoderInspection,
} from "@cmmd/core";
import { builtins } from "./builtins.js";
import { version } from "./version.js";

/** A validated pipeline and what can be done with it. */
export interface Session {
  readonly pipeline: AnyPipeline;
  /** Stages named on the command line. */
  readonly wanted: readonly string[];
  /** Which device `auto` is, and why; undefined when the pipeline names one. */
  readonly chosen: string | undefined;
  plan(): Promise<PlannedStage[]>;
  /** Parameters, multiply-adds and memory by batch size, without loading anything; `progress` hears of each program that is traced. */
  inspect(
    batches: readonly number[],
    progress: (done: number, total: number) => void,
  ): Promise<Inspection | VocoderInspection>;
  /** Renders examples of the negatives into `folder`, from the artifact of `prepare` once the plan has run; undefined when interrupted. */
  negatives(
    planned: readonly PlannedStage[],
    options: {
      readonly folder: string;
      readonly count: number;
      readonly signal: AbortSignal;
      emit(event: RunEvent): void;
    },
  ): Promise<readonly NegativeExample[] | undefined>;
  run(
    planned: readonly PlannedStage[],
    options: { readonly signal: AbortSignal; emit(event: RunEvent): void },
  ): Promise<RunResult>;
  /** What the dataset holds, its contact sheet and examples in `folder`, else in the store; undefined when interrupted. */
  survey(options: {
    readonly folder: string | undefined;
    readonly signal: AbortSignal;
    emit(event: RunEvent): void;
  }): Promise<Shown | undefined>;
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
  const planOf = (some: readonly string[]) =>
    plan({ pipeline, device, stages, installed: installedBy(registry), store, wanted: some });
  /** Of a dataset that renders its media, the folder with them once they are there. */
  const rendered = async () => {
    if (!registry.get("datasets", pipeline.data.use)?.described.renders) return undefined;
    const { state, key } = (await planOf(["render"])).find(({ stage }) => stage.name === "render")!;
    return state === "hit" ? store.folder("render", key) : undefined;
  };
  return {
    pipeline,
    wanted,
    chosen: pipeline.device === "auto" ? `device ${device}: ${reason}` : undefined,
    inspect: (batches, progress) =>
      trainsVocoder(pipeline)
        ? inspectVocoder(pipeline, registry, { batches })
        : inspectPipeline(pipeline, registry, { batches, progress }),
    plan: () => planOf(wanted),
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
    negatives: async (planned, options) => {
      const artifacts = planned.map(({ stage: { name }, key }) => [name, store.folder(name, key)] as const);
      return renderNegatives({
        pipeline: diffusionPipeline(pipeline, "`negatives`"),
        store,
        builtins,
        inputs: Object.fromEntries(artifacts),
        ...options,
      });
    },
    survey: async ({ folder = join(store.root, "data", pipeline.name), signal, emit }) =>
      surveyData({
        pipeline,
        store,
        builtins,
        rendered: await rendered(),
        folder,
        signal,
        emit,
      }),
  };
}
