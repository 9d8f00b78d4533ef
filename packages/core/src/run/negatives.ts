import { mkdir } from "node:fs/promises";
import type { NegativeExample } from "../negatives/examples.js";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import { explained } from "../store/errors.js";
import type { Store } from "../store/store.js";
import type { RunEvent } from "./events.js";
import { StageThread } from "./stage-thread.js";

const stages = new URL("../negatives/examples.js", import.meta.url).href;

/**
 * Renders `count` examples of each negative that the pipeline's losses name into `folder` (absolute): MP4s and `index.txt`. `prepared` is the
 * artifact of `prepare`. Undefined when interrupted. Throws CMMD553 when there are no negatives, CMMD551 when one cannot be made.
 */
export async function renderNegatives({
  pipeline,
  store,
  builtins,
  prepared,
  folder,
  count,
  signal,
  emit,
}: {
  readonly pipeline: ResolvedPipeline;
  readonly store: Store;
  readonly builtins: readonly string[];
  readonly prepared: string;
  readonly folder: string;
  readonly count: number;
  readonly signal: AbortSignal;
  emit(event: RunEvent): void;
}): Promise<readonly NegativeExample[] | undefined> {
  await explained(folder, () => mkdir(folder, { recursive: true }));
  const { programs, weights } = store;
  const thread = new StageThread({ stages, builtins, pipeline, device: "cpu", programs, weights }, signal, emit);
  const outcome = await thread.compute({
    stage: "negatives",
    folder,
    inputs: { prepare: prepared },
    options: { count },
  });
  await thread.close();
  if (outcome.state === "failed") throw outcome.error;
  if (outcome.state === "interrupted") return undefined;
  return outcome.summary.examples as unknown as readonly NegativeExample[];
}
