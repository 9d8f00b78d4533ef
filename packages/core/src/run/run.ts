import { relative } from "node:path";
import type { AnyPipeline, Device } from "../pipeline/resolved.js";
import { showChange } from "../planner/changes.js";
import type { PlannedStage } from "../planner/plan.js";
import type { StageSummary } from "../stages/stage.js";
import { explainFileError } from "../store/errors.js";
import { newRunId, type RunRecord, type RunStage, writeRun } from "../store/runs.js";
import type { Store } from "../store/store.js";
import { Interrupted } from "./abort.js";
import { tryPrecision } from "./device.js";
import type { RunEvent } from "./events.js";
import { StageThread } from "./stage-thread.js";

const ownStages = new URL("../stages/index.js", import.meta.url).href;

export interface RunOptions {
  readonly pipeline: AnyPipeline;
  readonly planned: readonly PlannedStage[];
  readonly device: Device;
  readonly store: Store;
  /** URL of the module that exports the stages that were planned, for the worker thread; cmmd's own when absent. */
  readonly stages?: string;
  /** Import specifiers of the plugins that every pipeline has. */
  readonly builtins: readonly string[];
  /** As given on the command line, for the record. */
  readonly overrides: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  emit(event: RunEvent): void;
}

export interface RunResult {
  readonly record: RunRecord;
  /** Stages that were computed, not taken from the store. */
  readonly computed: number;
  /** Why it failed. */
  readonly error?: unknown;
  /** The worker thread is still inside the runtime; the process has to be ended by a signal. */
  readonly stuck: boolean;
}

/** Why a stage is computed, in one line. */
export function reasonOf({ state, changes, against }: PlannedStage): string {
  const shown = changes.slice(0, 3).map(showChange);
  if (changes.length > 3) shown.push(`and ${changes.length - 3} more`);
  if (state === "hit") return "nothing changed";
  if (state === "partial") return "continues an interrupted run";
  if (against === "nothing") return "not computed before";
  return shown.length > 0 ? shown.join(", ") : "its result is no longer in the store";
}

type StageEnd =
  | { readonly state: "hit" | "done"; readonly summary: StageSummary }
  | { readonly state: "failed" | "interrupted"; readonly error?: unknown };

/** One run: its events, its record, and the stages one after the other. */
class Run {
  readonly #options: RunOptions;
  readonly #thread: StageThread;
  readonly #metrics: Record<string, Record<string, number>> = {};
  #artifacts: Record<string, string> = {};

  constructor(options: RunOptions) {
    this.#options = options;
    const { stages = ownStages, builtins, pipeline, device, store, signal } = options;
    const start = { stages, builtins, pipeline, device, programs: store.programs, weights: store.weights };
    this.#thread = new StageThread(start, signal, (event) => this.#hear(event));
  }

  get metrics(): RunRecord["metrics"] {
    return this.#metrics;
  }

  #hear(event: RunEvent): void {
    if (event.type === "metric") {
      const metrics = this.#metrics[event.stage] ?? {};
      metrics[event.name] = event.value;
      this.#metrics[event.stage] = metrics;
    }
    // Its path changes when the stage is committed; announced then.
    if (event.type === "artifact") this.#artifacts[event.name] = event.path;
    else this.#options.emit(event);
  }

  #announce(stage: string, key: string): StageSummary {
    const { store, emit } = this.#options;
    for (const [name, path] of Object.entries(store.artifacts(stage, key)))
      emit({ type: "artifact", stage, name, path });
    return store.summary(stage, key);
  }

  #foldersOf({ inputs }: PlannedStage): Readonly<Record<string, string>> {
    const { store } = this.#options;
    return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, store.folder(name, input)]));
  }

  async #compute(planned: PlannedStage): Promise<StageEnd> {
    const { store } = this.#options;
    const { key, description } = planned;
    const { name: stage } = planned.stage;
    const folder = await store.begin(stage, key, description);
    this.#artifacts = {};
    const outcome = await this.#thread.compute({ stage, folder, inputs: this.#foldersOf(planned) });
    if (outcome.state !== "done") return outcome;
    const artifacts = Object.entries(this.#artifacts).map(([name, path]) => [name, relative(folder, path)]);
    await store.commit(stage, key, outcome.summary, Object.fromEntries(artifacts));
    return outcome;
  }

  /** Brings one stage up to date. */
  async stage(planned: PlannedStage): Promise<StageEnd> {
    const end = await this.#bringUpToDate(planned);
    if (end.state !== "hit" && end.state !== "done") return end;
    const message = await planned.stage.settle?.(this.#options.pipeline, this.#foldersOf(planned));
    if (message !== undefined) this.#options.emit({ type: "log", stage: planned.stage.name, level: "info", message });
    return end;
  }

  async #bringUpToDate(planned: PlannedStage): Promise<StageEnd> {
    const { store, signal, emit } = this.#options;
    const { stage, key } = planned;
    const { name } = stage;
    if (planned.state === "hit") {
      emit({ type: "stage", stage: name, state: "hit", key });
      return { state: "hit", summary: this.#announce(name, key) };
    }
    const waiting = (pid: number, host: string) =>
      emit({
        type: "log",
        stage: name,
        level: "warn",
        message: `waits for process ${pid} on ${host}, which computes the same stage (if it is dead, remove ${store.folder(name, key)}.lock)`,
      });
    const lock = await store.lock(name, key, { signal, waiting });
    try {
      if (store.has(name, key)) {
        emit({ type: "stage", stage: name, state: "hit", key, reason: "computed by another run" });
        return { state: "hit", summary: this.#announce(name, key) };
      }
      emit({ type: "stage", stage: name, state: "start", key, reason: reasonOf(planned) });
      const end = await this.#compute(planned);
      if (end.state === "done") this.#announce(name, key);
      return end;
    } finally {
      await lock.release();
    }
  }

  /** Ends the worker thread; false when it cannot be ended now. */
  async close(): Promise<boolean> {
    await this.#thread.close();
    return !this.#thread.stuck;
  }
}

function isInterruption(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || error instanceof Interrupted);
}

/**
 * Computes the stages of a plan that the store lacks, one after the other, in a worker thread, and records the run. Stops at the first
 * failure (in the result, not thrown) and when `signal` is aborted; what succeeded stays in the store. Throws CMMD218 before the first stage
 * when the device lacks the pipeline's precision, and when the record itself cannot be written (CMMD401 and following).
 */
export async function runPlan(options: RunOptions): Promise<RunResult> {
  const { pipeline, store, signal, emit, device, overrides, versions } = options;
  const needed = options.planned.filter(({ state }) => state !== "unneeded");
  if (needed.some(({ state, stage }) => state !== "hit" && stage.perDevice !== false))
    await tryPrecision(pipeline, device);
  const began = new Date();
  const rows = new Map<string, RunStage>(
    needed.map(({ stage, key }) => [stage.name, { stage: stage.name, key, state: "pending" }]),
  );
  const run = new Run(options);
  const id = newRunId(began);
  const record = (state: RunRecord["state"]): RunRecord => ({
    id,
    state,
    started: began.toISOString(),
    ...(state === "running" ? {} : { seconds: (Date.now() - began.getTime()) / 1000 }),
    overrides,
    device,
    versions,
    stages: [...rows.values()],
    metrics: run.metrics,
    pipeline,
  });
  if (needed.some(({ state }) => state !== "hit")) await writeRun(store, record("running"));
  let state: "done" | "failed" | "interrupted" = "done";
  let failure: unknown;
  let computed = 0;
  for (const planned of needed) {
    const { name: stage } = planned.stage;
    const start = performance.now();
    let end: StageEnd;
    try {
      end = await run.stage(planned);
    } catch (error) {
      end = { state: isInterruption(error, signal) ? "interrupted" : "failed", error };
    }
    const seconds = (performance.now() - start) / 1000;
    const timed = end.state === "hit" ? {} : { seconds };
    rows.set(stage, {
      stage,
      key: planned.key,
      state: end.state,
      ...timed,
      ...("summary" in end ? { summary: end.summary } : {}),
    });
    if (end.state !== "hit") emit({ type: "stage", stage, state: end.state, key: planned.key, seconds });
    if (end.state === "done") computed++;
    if (end.state === "failed" || end.state === "interrupted") {
      state = end.state;
      failure = end.error === undefined ? undefined : explainFileError(end.error, store.root);
      break;
    }
  }
  const stuck = !(await run.close());
  const finished = record(state);
  try {
    await writeRun(store, finished);
  } catch (error) {
    // A full disk fails both the stage and the record: the stage's error says more.
    if (failure === undefined) throw error;
  }
  return { record: finished, computed, stuck, ...(failure === undefined ? {} : { error: failure }) };
}
