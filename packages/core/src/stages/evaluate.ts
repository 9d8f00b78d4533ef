import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readShards } from "../data/shards.js";
import type { AnyPipeline } from "../pipeline/resolved.js";
import type { EvaluationItem, MetricResult } from "../plugin/components.js";
import { readFeatureStatistics } from "./features.js";
import { readGenerated } from "./generate.js";
import { clipOfFile, preparedClip } from "./originals.js";
import { openPictures } from "./pictures.js";
import type { Stage, StageInput } from "./stage.js";

/** What `evaluate` writes to `metrics.json`: results by generation group. */
export type Evaluation = Readonly<
  Record<string, readonly { readonly use: string; readonly options: unknown; readonly result: MetricResult }[]>
>;

export const metricsFile = "metrics.json";

/** Scores a group of clips with every metric of the pipeline that applies to its task; `tick` counts the metrics. */
export async function scoresOf<P extends AnyPipeline>(
  { pipeline, context, component, metric }: StageInput<P>,
  { name, task }: { readonly name: string; readonly task: string },
  items: readonly EvaluationItem[],
  tick: () => void,
) {
  const scores: Evaluation[string][number][] = [];
  const headline: Record<string, number> = {};
  for (const { use, options } of pipeline.evaluate) {
    context.signal.throwIfAborted();
    const body = await component("metrics", use);
    tick();
    if (body.tasks && !body.tasks.includes(task)) continue;
    const result = await body.compute(options, items, context);
    scores.push({ use, options, result });
    for (const value of result.values) {
      const full = `${name}/${value.name}`;
      metric(full, value.value);
      headline[full] = value.value;
      if (value.control !== undefined) headline[`${full} (control)`] = value.control;
    }
  }
  return { scores, headline };
}

/** Scores every generation group with every metric that applies to its task. */
export const evaluate: Stage = {
  name: "evaluate",
  reads: ["render", "prepare", "generate"],
  applies: ({ evaluate: metrics }) => metrics.length > 0,
  depends: ({ evaluate: metrics }) => ({ evaluate: metrics as never }),
  components: ({ evaluate: metrics }) => metrics,
  async run(input) {
    const { pipeline, context, inputs } = input;
    const prepared = await readShards(inputs.prepare!);
    const pictures = await openPictures(input);
    const { rates } = readFeatureStatistics(inputs.prepare!);
    const rows = readGenerated(inputs.generate!);
    const inIndex = new Map(prepared.index.map((row) => [row.id, row]));
    const stored = (name: string) => clipOfFile(join(inputs.generate!, name), rates.audio);
    const real = (id: string) => preparedClip(prepared, pictures, inIndex.get(id)!, pipeline.data.clip.frames, rates);
    const results: Record<string, Evaluation[string]> = {};
    const headlines: Record<string, number> = {};
    const total = pipeline.generate.length * pipeline.evaluate.length;
    let done = 0;
    for (const { name, task, split } of pipeline.generate) {
      const items = rows
        .filter(({ group }) => group === name)
        .map(
          ({ id, events, tensors, original }): EvaluationItem => ({
            id,
            split,
            events,
            generated: stored(tensors),
            reference: original ? stored(original) : real(id),
          }),
        );
      const { scores, headline } = await scoresOf(input, { name, task }, items, () =>
        context.progress(++done, total, "metrics"),
      );
      results[name] = scores;
      Object.assign(headlines, headline);
    }
    writeFileSync(join(context.folder, metricsFile), `${JSON.stringify(results, null, 2)}\n`);
    return headlines;
  },
};
