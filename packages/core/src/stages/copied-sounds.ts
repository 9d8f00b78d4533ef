import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readShards } from "../data/shards.js";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import type { FeatureBody, ReportInput } from "../plugin/components.js";
import { readWave } from "../sample/wave-file.js";
import { copies, readCopied, readCopies } from "./copy-sounds.js";
import { readEvaluation } from "./report.js";
import { readSoundDefinition } from "./sound-definition.js";
import type { StageInput } from "./stage.js";

const ending = ".original.wav";

/** The sounds that training copied last (`train.samples`), beside their originals, as a group of the report. None where it copied none. */
export async function copiedSounds(input: StageInput<VocoderPipeline>): Promise<ReportInput["groups"]> {
  const { pipeline, inputs, component } = input;
  const all = join(inputs.train!, "samples");
  const steps = (existsSync(all) ? readdirSync(all) : []).map((name) => Number(name.slice("step-".length)));
  if (steps.length === 0) return [];
  const step = Math.max(...steps);
  const folder = join(all, `step-${step}`);
  const definition = readSoundDefinition(inputs.prepare!);
  const body = (await component("transforms", pipeline.prepare.audio.at(-1)!.use)) as FeatureBody<unknown>;
  const { index } = await readShards(inputs.prepare!);
  const side = (name: string) => {
    const video = join(folder, name);
    return { video, features: body.compute(definition, readWave(readFileSync(video))) };
  };
  const copied = new Set(readdirSync(folder).filter((name) => name.endsWith(ending)));
  return [
    {
      ...copies,
      settings: `${pipeline.vocoder.use}, averaged weights of step ${step}`,
      items: index
        .filter(({ id }) => copied.has(`${id}${ending}`))
        .map(({ id }) => ({
          id,
          events: [],
          generated: side(`${id}.wav`),
          reference: side(`${id}${ending}`),
          perItem: {},
        })),
      metrics: [],
    },
  ];
}

/** The copies of the stage `copy` beside their originals, with their scores. */
export async function copiesMade(input: StageInput<VocoderPipeline>): Promise<ReportInput["groups"]> {
  const { pipeline, inputs } = input;
  const { split, control } = pipeline.copy!;
  const metrics = readEvaluation(inputs)[copies.name] ?? [];
  const items: ReportInput["groups"][number]["items"][number][] = [];
  for (const id of readCopied(inputs.copy!)) {
    const { copy, original, control: other } = await readCopies(input, id);
    items.push({
      id,
      events: [],
      generated: { video: copy.file, features: copy.features },
      reference: { video: original.file, features: original.features },
      control: { video: other.file, features: other.features, name: control.use },
      perItem: Object.assign({}, ...metrics.map(({ result }) => result.perItem?.[id] ?? {})),
    });
  }
  const settings = `${pipeline.vocoder.use}, averaged weights, split ${split}; control: ${control.use} ${JSON.stringify(control.options)}`;
  return [{ ...copies, settings, items, metrics }];
}
