import type { NegativeExample } from "../negatives/examples.js";
import { type Beside, computeBeside } from "./beside.js";

const stages = new URL("../negatives/examples.js", import.meta.url).href;

/**
 * Renders `count` examples of each negative that the pipeline's losses name into `folder`: MP4s and `index.txt`. `inputs` are the
 * artifacts of `prepare` and, where there is one, `render`. Undefined when interrupted. Throws CMMD553 when there are no negatives, CMMD551 when one cannot be made.
 */
export async function renderNegatives({
  inputs,
  count,
  ...beside
}: Beside & { readonly inputs: Readonly<Record<string, string>>; readonly count: number }): Promise<
  readonly NegativeExample[] | undefined
> {
  const summary = await computeBeside(beside, stages, { stage: "negatives", inputs, options: { count } });
  return summary?.examples as unknown as readonly NegativeExample[] | undefined;
}
