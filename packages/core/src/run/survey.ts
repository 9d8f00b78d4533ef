import type { Survey } from "../datasets/survey.js";
import { type Beside, computeBeside } from "./beside.js";

const stages = new URL("../datasets/survey-stage.js", import.meta.url).href;

/** Paths of what a survey shows; the sheet is null when no recording can be used. */
export type Shown = Survey & { readonly sheet: string | null; readonly examples: readonly string[] };

/**
 * What a pipeline's dataset holds, before anything is prepared; the contact sheet and the examples are in `folder`. `rendered` is the folder
 * of the media, of a dataset that renders them. Undefined when interrupted. Throws what the dataset throws.
 */
export async function surveyData({
  rendered,
  ...beside
}: Beside & { readonly rendered: string | undefined }): Promise<Shown | undefined> {
  const inputs: Record<string, string> = rendered === undefined ? {} : { render: rendered };
  return (await computeBeside(beside, stages, { stage: "survey", inputs })) as unknown as Shown | undefined;
}
