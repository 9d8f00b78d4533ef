import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readShards } from "../data/shards.js";
import type { AnyPipeline, Generation } from "../pipeline/resolved.js";
import { showPipeline } from "../pipeline/show.js";
import type { ReportInput } from "../plugin/components.js";
import { readCurves } from "../train/curves.js";
import { type Evaluation, metricsFile } from "./evaluate.js";
import { readFeatureStatistics } from "./features.js";
import { readGenerated } from "./generate.js";
import { clipOfFile, featuresOf } from "./originals.js";
import type { Stage, StageInput } from "./stage.js";

type Group = ReportInput["groups"][number];

const settingsOf = ({ sampler, guidance, vocoder, weights, task }: Generation) =>
  [
    `${sampler.use} ${JSON.stringify(sampler.options)}`,
    ...(guidance ? [`${guidance.use} ${JSON.stringify(guidance.options)}`] : []),
    ...(task === "a2v" ? [] : [vocoder.use]),
    `weights: ${weights}`,
  ].join(", ");

/** The scores by generation group; none where nothing was evaluated. */
export const readEvaluation = ({ evaluate }: StageInput["inputs"]): Evaluation =>
  evaluate ? (JSON.parse(readFileSync(join(evaluate, metricsFile), "utf8")) as Evaluation) : {};

async function groupsOf({ pipeline, inputs }: StageInput): Promise<Group[]> {
  const prepared = await readShards(inputs.prepare!);
  const { rates } = readFeatureStatistics(inputs.prepare!);
  const rows = readGenerated(inputs.generate!);
  const stored = (name: string) => clipOfFile(join(inputs.generate!, name), rates.audio);
  const evaluation = readEvaluation(inputs);
  const groups: Group[] = [];
  for (const generation of pipeline.generate) {
    const metrics = evaluation[generation.name] ?? [];
    const items: Group["items"][number][] = [];
    for (const row of rows) {
      if (row.group !== generation.name) continue;
      items.push({
        id: row.id,
        events: row.events,
        generated: { video: join(inputs.generate!, row.generated), features: await stored(row.tensors).features() },
        reference: {
          video: join(inputs.generate!, row.reference),
          features: row.original
            ? await stored(row.original).features()
            : featuresOf(await prepared.tensor(row.id, "features")),
        },
        perItem: Object.assign({}, ...metrics.map(({ result }) => result.perItem?.[row.id] ?? {})),
      });
    }
    groups.push({ name: generation.name, task: generation.task, settings: settingsOf(generation), items, metrics });
  }
  return groups;
}

function curvesOf(folder: string): ReportInput["curves"] {
  const curves: Record<string, { step: number; value: number }[]> = {};
  for (const { step, ...scalars } of readCurves(folder))
    for (const [name, value] of Object.entries(scalars)) {
      const curve = curves[name] ?? [];
      curve.push({ step, value });
      curves[name] = curve;
    }
  return curves;
}

/** The summaries of the stages before, as rows `stage: name` and value. */
function factsOf(inputs: StageInput["inputs"]): ReportInput["facts"] {
  return Object.entries(inputs).flatMap(([stage, folder]) => {
    const path = join(folder, "summary.json");
    if (stage === "evaluate" || !existsSync(path)) return [];
    const summary = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    return Object.entries(summary).map(([name, value]) => ({
      name: `${stage}: ${name.replaceAll("_", " ")}`,
      value: typeof value === "number" ? String(Math.round(value * 1e4) / 1e4) : JSON.stringify(value),
    }));
  });
}

/** Writes the page with what a kind of pipeline has to show. */
export async function writeReport<P extends AnyPipeline>(
  { pipeline, context, inputs, component, artifact }: StageInput<P>,
  shown: Pick<ReportInput, "groups" | "featureDefinition">,
) {
  const body = await component("reports", pipeline.report.use);
  const name = await body.write(
    pipeline.report.options,
    {
      pipeline: { name: pipeline.name, path: pipeline.path, resolved: showPipeline(pipeline) },
      ...shown,
      curves: curvesOf(inputs.train!),
      facts: factsOf(inputs),
    },
    context,
  );
  artifact("report", join(context.folder, name));
  return { file: name };
}

/** One page that a person can look at. */
export const report: Stage = {
  name: "report",
  reads: ["prepare", "encode", "train", "generate", "evaluate"],
  applies: () => true,
  depends: ({ report: used, name }) => ({ report: used as never, name }),
  components: ({ report: used }) => [used],
  run: async (input) =>
    writeReport(input, {
      groups: await groupsOf(input),
      featureDefinition: readFeatureStatistics(input.inputs.prepare!).definition,
    }),
};
