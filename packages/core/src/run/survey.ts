import { mkdir } from "node:fs/promises";
import type { Survey } from "../datasets/survey.js";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import { explained } from "../store/errors.js";
import type { Store } from "../store/store.js";
import type { RunEvent } from "./events.js";
import { StageThread } from "./stage-thread.js";

const stages = new URL("../datasets/survey-stage.js", import.meta.url).href;

export interface SurveyOptions {
  readonly pipeline: ResolvedPipeline;
  readonly store: Store;
  /** Import specifiers of the plugins that every pipeline has. */
  readonly builtins: readonly string[];
  /** Folder of the rendered media, of a dataset that renders them. */
  readonly rendered: string | undefined;
  /** Absolute path of the folder for the contact sheet and the examples. */
  readonly folder: string;
  readonly signal: AbortSignal;
  emit(event: RunEvent): void;
}

/** Paths of what a survey shows; the sheet is null when no recording can be used. */
export type Shown = Survey & { readonly sheet: string | null; readonly examples: readonly string[] };

/** What a pipeline's dataset holds, before anything is prepared; undefined when interrupted. Throws what the dataset throws. */
export async function surveyData(options: SurveyOptions): Promise<Shown | undefined> {
  const { pipeline, store, builtins, rendered, folder, signal, emit } = options;
  await explained(folder, () => mkdir(folder, { recursive: true }));
  const { programs, weights } = store;
  const thread = new StageThread({ stages, builtins, pipeline, device: "cpu", programs, weights }, signal, emit);
  const outcome = await thread.compute({
    stage: "survey",
    folder,
    inputs: rendered === undefined ? {} : { render: rendered },
  });
  await thread.close();
  if (outcome.state === "failed") throw outcome.error;
  return outcome.state === "done" ? (outcome.summary as unknown as Shown) : undefined;
}
