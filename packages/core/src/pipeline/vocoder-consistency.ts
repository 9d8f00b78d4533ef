import { dirname } from "node:path";
import { schedules } from "../diffusion/schedule.js";
import type { PipelineFacts } from "../plugin/components.js";
import type { FeatureDefinition } from "../plugin/media.js";
import { copies } from "../stages/copy-sounds.js";
import { type Checker, entrySchema } from "./check.js";
import { validator } from "./compile.js";
import {
  checkComputing,
  checkTasks,
  checkTraining,
  checkTransforms,
  listOf,
  mapOf,
  type Plain,
} from "./consistency.js";
import { featureDefinition } from "./feature-definition.js";
import { type Path, placeAt } from "./tree.js";
import type { UseEntry } from "./use.js";

/** What each value alone does not show, in a pipeline that trains a vocoder: CMMD210 to 212, 217, 218, 527, 528, 590 to 593, and what components say. */
export async function checkVocoderPipeline(checker: Checker, pipeline: Plain): Promise<void> {
  const { train, data, prepare, vocoder, precision } = pipeline;
  const problem = (code: string, path: Path, message: string, hint: string) =>
    checker.problem(code, message, hint, placeAt(checker.root, path, "value"));
  checkComputing(checker, pipeline);
  await checkTransforms(checker, mapOf(prepare));
  checkTraining(checker, mapOf(train));
  const { segment, losses, samples, validate, accumulate } = mapOf(train);
  if (precision === "mixed")
    problem(
      "CMMD590",
      ["precision"],
      "a vocoder is trained in float32: its adversarial losses have no loss scale",
      "Remove the precision.",
    );
  const weights = Object.values(mapOf(losses));
  if (weights.length > 0 && weights.every((weight) => weight === 0))
    problem("CMMD591", ["train", "losses"], "every loss has the weight 0: nothing is learnt", "Raise one of them.");
  if (typeof accumulate === "number" && accumulate > 1 && Number(mapOf(losses).stft) > 0)
    problem(
      "CMMD527",
      ["train", "accumulate"],
      "the loss stft is a ratio over the whole batch, which is not the mean of its parts",
      "Remove one of them; the loss mel is a mean.",
    );
  const clip = mapOf(mapOf(data).clip).samples;
  if (typeof segment === "number" && typeof clip === "number" && segment > clip)
    problem(
      "CMMD591",
      ["train", "segment"],
      `segments of ${segment} samples cannot be drawn from clips of ${clip}`,
      `Lower "segment", or raise "data.clip.samples".`,
    );
  checkVocoder(checker, mapOf(vocoder));
  checkMetrics(checker, pipeline);
  const features = await featuresOf(checker, listOf(mapOf(prepare).audio).map(mapOf) as unknown as UseEntry[]);
  if (!features) return;
  const { hop, body, use, definition } = features;
  if (definition) checkForFeatures(checker, pipeline, definition);
  if (!body.traced)
    problem(
      "CMMD593",
      ["prepare", "audio", listOf(mapOf(prepare).audio).length - 1],
      `the features of "${use}" cannot be computed inside a training step`,
      `Use a transform that can, such as "mel".`,
    );
  const lengths = [
    { samples: segment ?? clip, path: segment === undefined ? ["data", "clip", "samples"] : ["train", "segment"] },
    { samples: samples === undefined && validate === undefined ? undefined : clip, path: ["data", "clip", "samples"] },
  ];
  const seen = new Set<string>();
  for (const { samples, path } of lengths) {
    if (typeof samples !== "number" || samples % hop === 0 || seen.has(path.join("."))) continue;
    seen.add(path.join("."));
    problem(
      "CMMD591",
      path,
      `${samples} samples are no multiple of the features' hop, ${hop}`,
      `Write e.g. ${Math.max(1, Math.round(samples / hop)) * hop}.`,
    );
  }
}

/** Whether the vocoder has anything to train, and begins untrained. */
function checkVocoder(checker: Checker, entry: Plain): void {
  const { registry, root } = checker;
  const { use } = entry;
  const described = typeof use === "string" ? registry.get("vocoders", use)?.described : undefined;
  if (!described) return;
  const problem = (key: string, message: string, hint: string) =>
    checker.problem("CMMD592", message, hint, placeAt(root, ["vocoder", key], "value"));
  if (!described.trains) {
    const others = registry.names("vocoders").filter((name) => registry.get("vocoders", name)!.described.trains);
    const hint = others.length > 0 ? `Use "${others.join('" or "')}".` : "No installed plugin brings one that has.";
    problem("use", `the vocoder "${use}" has nothing to train`, hint);
  }
  for (const option of Object.keys(described.weights ?? {}))
    if (described.trains && entry[option] !== undefined)
      problem(option, "a vocoder that is trained does not begin with this option", "Name the weights in train.from.");
}

/** Whether there is something to evaluate, by metrics of copies: CMMD217. */
function checkMetrics(checker: Checker, pipeline: Plain): void {
  if (listOf(pipeline.evaluate).length > 0 && pipeline.copy === undefined)
    checker.problem(
      "CMMD217",
      "there is nothing to evaluate: the pipeline copies nothing",
      `Add "copy", e.g. copy: { split: test }.`,
      placeAt(checker.root, ["evaluate"], "key"),
    );
  checkTasks(checker, pipeline, [copies.task]);
}

/** What the vocoder that is trained, and the one that it is compared with, say of the features. */
function checkForFeatures(checker: Checker, pipeline: Plain, features: FeatureDefinition): void {
  const { registry, root, language } = checker;
  const described = (entry: Plain) => {
    const registered = typeof entry.use === "string" ? registry.get("vocoders", entry.use) : undefined;
    const valid = registered && validator(entrySchema(registered, language))(structuredClone(entry));
    return valid ? registered.described : undefined;
  };
  const { vocoder, train, copy, data } = pipeline;
  const segment = mapOf(train).segment ?? mapOf(mapOf(data).clip).samples;
  const trained = mapOf(vocoder);
  if (typeof segment === "number")
    for (const { path, code, message, hint } of described(trained)?.checkTraining?.(trained, { features, segment }) ??
      [])
      checker.problem(code, message, hint, placeAt(root, path, "value"));
  const control = mapOf(mapOf(copy).control);
  const path: Path = ["copy", "control"];
  const facts: PipelineFacts = {
    // There is no diffusion here: the language's own, for whoever asks.
    predict: "v",
    get schedule() {
      return schedules.cosine(1000);
    },
    base: dirname(root.place.file),
    clips: undefined,
    features,
    batch: undefined,
    losses: [],
  };
  for (const { option, code, message, hint } of described(control)?.check?.(control, facts, path) ?? [])
    checker.problem(code, message, hint, placeAt(root, [...path, option], "value"));
}

/** What the last transform of the sound makes of it; undefined when it is not known or wrong, which is told elsewhere. */
async function featuresOf({ registry }: Checker, audio: readonly UseEntry[]) {
  const entry = audio.at(-1);
  if (!entry || audio.some(({ use }) => typeof use !== "string" || !registry.get("transforms", use))) return undefined;
  const transforms = await Promise.all(
    audio.map(async (options) => ({ body: await registry.implementation("transforms", options.use), options })),
  );
  const { body } = transforms.at(-1)!;
  if (body.modality !== "features" || typeof entry.hop !== "number") return undefined;
  return { hop: entry.hop, body, use: entry.use, definition: featureDefinition(transforms) };
}
