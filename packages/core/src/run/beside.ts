import { mkdir } from "node:fs/promises";
import type { AnyPipeline } from "../pipeline/resolved.js";
import type { StageSummary } from "../stages/stage.js";
import { explained } from "../store/errors.js";
import type { Store } from "../store/store.js";
import type { RunEvent } from "./events.js";
import type { StageOrder } from "./messages.js";
import { StageThread } from "./stage-thread.js";

/** What is computed beside a run needs, whatever it is. */
export interface Beside {
  readonly pipeline: AnyPipeline;
  readonly store: Store;
  /** Import specifiers of the plugins that every pipeline has. */
  readonly builtins: readonly string[];
  /** Absolute path of the folder for what is made; it is made when missing. */
  readonly folder: string;
  readonly signal: AbortSignal;
  emit(event: RunEvent): void;
}

/** Computes one stage of the module `stages` on the processor, outside of a run; undefined when interrupted. Throws what the stage throws. */
export async function computeBeside(
  { pipeline, store, builtins, folder, signal, emit }: Beside,
  stages: string,
  order: Omit<StageOrder, "folder">,
): Promise<StageSummary | undefined> {
  await explained(folder, () => mkdir(folder, { recursive: true }));
  const { programs, weights } = store;
  const thread = new StageThread({ stages, builtins, pipeline, device: "cpu", programs, weights }, signal, emit);
  const outcome = await thread.compute({ ...order, folder });
  await thread.close();
  if (outcome.state === "failed") throw outcome.error;
  return outcome.state === "done" ? outcome.summary : undefined;
}
