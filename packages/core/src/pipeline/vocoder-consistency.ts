import type { FeatureBody } from "../plugin/components.js";
import type { Checker } from "./check.js";
import { checkComputing, checkTransforms, listOf, mapOf, type Plain } from "./consistency.js";
import { type Path, placeAt } from "./tree.js";
import type { UseEntry } from "./use.js";

/** What each value alone does not show, in a pipeline that trains a vocoder: CMMD210 to 212, 218, 528, 590 to 593. */
export async function checkVocoderPipeline(checker: Checker, pipeline: Plain): Promise<void> {
  const { train, data, prepare, vocoder, precision } = pipeline;
  const problem = (code: string, path: Path, message: string, hint: string) =>
    checker.problem(code, message, hint, placeAt(checker.root, path, "value"));
  checkComputing(checker, pipeline);
  await checkTransforms(checker, mapOf(prepare));
  const { segment, reset, from, losses, samples, validate } = mapOf(train);
  if (reset === true && from === undefined)
    problem(
      "CMMD528",
      ["train", "reset"],
      `"reset" has no meaning without "from"`,
      `Remove it, or name the weights in "from".`,
    );
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
  const clip = mapOf(mapOf(data).clip).samples;
  if (typeof segment === "number" && typeof clip === "number" && segment > clip)
    problem(
      "CMMD591",
      ["train", "segment"],
      `segments of ${segment} samples cannot be drawn from clips of ${clip}`,
      `Lower "segment", or raise "data.clip.samples".`,
    );
  checkVocoder(checker, mapOf(vocoder));
  const features = await featuresOf(checker, listOf(mapOf(prepare).audio).at(-1) as UseEntry | undefined);
  if (!features) return;
  const { hop, body, use } = features;
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

/** The last transform of the sound; undefined when it, or the rate before it, is not known or wrong, which is told elsewhere. */
async function featuresOf(checker: Checker, entry: UseEntry | undefined) {
  if (!entry || typeof entry.use !== "string" || !checker.registry.get("transforms", entry.use)) return undefined;
  const body = await checker.registry.implementation("transforms", entry.use);
  if (body.modality !== "features" || typeof entry.hop !== "number") return undefined;
  return { hop: entry.hop, body: body as FeatureBody<unknown>, use: entry.use };
}
