import type { CmmdError } from "../errors.js";
import type { MetricBody, TransformBody } from "../plugin/components.js";
import type { Checker } from "./check.js";
import { checkComponents } from "./component-checks.js";
import { defaultGuidance } from "./resolve.js";
import { takesSingleSteps } from "./single-steps.js";
import { nodeAt, type Path, placeAt } from "./tree.js";
import type { UseEntry } from "./use.js";

export type Plain = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Plain => typeof value === "object" && value !== null && !Array.isArray(value);
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const mapOf = (value: unknown): Plain => (isMap(value) ? value : {});

/** What each value alone does not show: CMMD210 to CMMD218. Parts that are wrong in themselves are passed over. */
export async function checkConsistency(checker: Checker, pipeline: Plain): Promise<void> {
  checkComputing(checker, pipeline);
  await checkTransforms(checker, mapOf(pipeline.prepare));
  checkLosses(checker, mapOf(pipeline.train));
  checkTraining(checker, mapOf(pipeline.train));
  checkSamples(checker, mapOf(mapOf(pipeline.train).samples));
  checkGenerations(checker, listOf(pipeline.generate), mapOf(pipeline.train).ema);
  await checkComponents(checker, pipeline);
  if (listOf(pipeline.evaluate).length > 0 && listOf(pipeline.generate).length === 0)
    checker.problem(
      "CMMD217",
      "there is nothing to evaluate: the pipeline generates nothing",
      `Add "generate", e.g. generate: { task: v2a }.`,
      placeAt(checker.root, ["evaluate"], "key"),
    );
  checkTasks(checker, pipeline, ["v2a", "a2v", "joint", "extend", "inpaint"]);
}

/** A metric that applies to none of the tasks that the kind of pipeline knows would be passed over: CMMD217. */
export function checkTasks(checker: Checker, { evaluate }: Plain, tasks: readonly string[]): void {
  for (const [i, { use }] of listOf(evaluate).map(mapOf).entries()) {
    const metric = typeof use === "string" ? checker.registry.get("metrics", use)?.described : undefined;
    const its = (metric as Partial<Pick<MetricBody<unknown>, "tasks">> | undefined)?.tasks;
    if (its && !its.some((task) => tasks.includes(task)))
      checker.problem(
        "CMMD217",
        `the metric "${use}" is of the task ${its.join(" or ")}, which such a pipeline does not have`,
        `Remove it, or use one of ${tasks.join(", ")}.`,
        placeAt(checker.root, ["evaluate", i, "use"], "value"),
      );
  }
}

/** What mixed precision lacks on a processor; also said where `auto` turns out to be one. */
export const mixedNeedsGpu = {
  message: `"precision: mixed" is for GPUs: processors have no float16 arithmetic to gain from`,
  hint: "Use precision: float32, or a GPU: device: webgpu.",
} as const;

/** What among `device`, `precision`, `engine`, `backend` and `train.steps_per_run` excludes each other. */
export function checkComputing(checker: Checker, { device, precision, engine, backend, train }: Plain): void {
  const problem = (key: string | Path, message: string, hint: string) =>
    checker.problem("CMMD218", message, hint, placeAt(checker.root, [key].flat(), "value"));
  const steps = mapOf(train).steps_per_run;
  const single = engine === "tfjs" ? "engine: tfjs" : device === "webgpu" ? "device: webgpu" : undefined;
  if (single && typeof steps === "number" && steps > 1) {
    const { message, hint } = takesSingleSteps(single, steps);
    problem(["train", "steps_per_run"], message, hint);
  }
  if (precision === "mixed" && engine === "tfjs")
    problem("precision", `"precision: mixed" is of the compiler`, "Use precision: float32, or engine: onnx.");
  else if (precision === "mixed" && device === "cpu") problem("precision", mixedNeedsGpu.message, mixedNeedsGpu.hint);
  if (engine === "tfjs" && (device === "webgpu" || device === "cuda"))
    problem(
      "device",
      `"engine: tfjs" computes where its backend does, not on the device ${device}`,
      "Remove the device, or use engine: onnx.",
    );
  if (backend !== undefined && engine === "onnx")
    problem("backend", `"backend" is one of TensorFlow.js, which "engine: onnx" does without`, "Add engine: tfjs.");
}

type Modality = TransformBody<unknown>["modality"];
const listNames: Readonly<Record<Modality, string>> = {
  video: "prepare.video",
  audio: "prepare.audio",
  features: "prepare.audio",
};

export async function checkTransforms(checker: Checker, prepare: Plain): Promise<void> {
  const worksOn = async (entry: unknown, path: Path) => {
    const modality = isMap(entry) ? await modalityOf(checker, entry.use as string, path) : undefined;
    return { modality, use: isMap(entry) ? String(entry.use) : "", path };
  };
  const modalities = async (list: "video" | "audio") =>
    Promise.all(listOf(prepare[list]).map((entry, i) => worksOn(entry, ["prepare", list, i])));
  const [video, audio, normalise] = await Promise.all([
    modalities("video"),
    modalities("audio"),
    worksOn(prepare.normalise, ["prepare", "normalise"]),
  ]);
  const misplaced = [
    ...[normalise].filter(({ modality }) => modality !== undefined && modality !== "audio"),
    ...video.filter(({ modality }) => modality !== undefined && modality !== "video"),
    ...audio.filter(({ modality }) => modality === "video"),
  ];
  for (const { modality, use, path } of misplaced)
    checker.problem(
      "CMMD212",
      `the transform "${use}" works on ${modality === "features" ? "audio" : modality}: it has no place in "${path.slice(0, 2).join(".")}"`,
      `Move it to ${listNames[modality!]}.`,
      placeAt(checker.root, [...path, "use"], "value"),
    );
  const features = audio.filter(({ modality }) => modality === "features");
  for (const { use, path } of features.slice(0, -1))
    checker.problem(
      "CMMD211",
      `"${use}" makes features of the sound, but it is not the last of "prepare.audio"`,
      "Exactly one transform makes features, and nothing follows it.",
      placeAt(checker.root, [...path, "use"], "value"),
    );
  const last = features.at(-1);
  if (last && last !== audio.at(-1) && audio.at(-1)!.modality !== undefined)
    checker.problem(
      "CMMD211",
      `"${last.use}" makes features of the sound, but it is not the last of "prepare.audio"`,
      "Move it to the end: the other transforms work on sound.",
      placeAt(checker.root, [...last.path, "use"], "value"),
    );
  const written = Array.isArray(prepare.audio);
  if (written && features.length === 0 && audio.every(({ modality }) => modality !== undefined))
    checker.problem(
      "CMMD210",
      `no transform in "prepare.audio" makes features of the sound`,
      `End the list with ${await featureNames(checker)}.`,
      placeAt(checker.root, ["prepare", "audio"], "key"),
    );
}

/** A transform tells what it works on by its functions, which may have to be loaded. */
async function modalityOf(checker: Checker, use: string, path: Path): Promise<Modality | undefined> {
  try {
    return (await checker.registry.implementation("transforms", use)).modality;
  } catch (error) {
    const { code, message, hint } = error as CmmdError;
    checker.problem(code, message, hint, placeAt(checker.root, [...path, "use"], "value"));
    return undefined;
  }
}

async function featureNames(checker: Checker): Promise<string> {
  const names = await Promise.all(
    checker.registry.names("transforms").map(async (name) => {
      const body = await checker.registry.implementation("transforms", name).catch(() => undefined);
      return body?.modality === "features" ? [`"${name}"`] : [];
    }),
  );
  return names.flat().join(" or ") || "one that does; no installed plugin brings any";
}

function checkLosses(checker: Checker, train: Plain): void {
  const losses = listOf(train.losses).map(mapOf);
  for (const [i, { from, until }] of losses.entries()) {
    if (typeof from === "number" && typeof until === "number" && until <= from)
      checker.problem(
        "CMMD214",
        `the loss would never be in force: it ends at step ${until} and begins at step ${from}`,
        `"until" must be greater than "from".`,
        placeAt(checker.root, ["train", "losses", i, "until"], "value"),
      );
  }
  const idle = firstIdleStep(losses, train.steps);
  // Where training goes on from elsewhere, its first step is not known here.
  if (idle !== undefined && train.from === undefined)
    checker.problem(
      "CMMD520",
      `no loss is in force at step ${idle}`,
      `Change "from" and "until" so that every step has a loss.`,
      placeAt(checker.root, ["train", "losses"], "key"),
    );
}

/** The first step that no loss is in force at; undefined when there is none, or when what says so is wrong. */
function firstIdleStep(losses: readonly Plain[], steps: unknown): number | undefined {
  const ends = losses.map(({ until }) => until).filter((until) => typeof until === "number");
  return [0, ...ends]
    .toSorted((a, b) => a - b)
    .find(
      (step) =>
        typeof steps === "number" &&
        step < steps &&
        losses.length > 0 &&
        losses.every(
          ({ from, until }) =>
            (typeof from === "number" && step < from) || (typeof until === "number" && step >= until),
        ),
    );
}

/** Keys of every training that do not fit together: CMMD527 and CMMD528. */
export function checkTraining(checker: Checker, train: Plain): void {
  const { batch, accumulate, steps_per_run, from, reset } = train;
  const problem = (code: string, path: Path, message: string, hint: string) =>
    checker.problem(code, message, hint, placeAt(checker.root, ["train", ...path], "value"));
  if (typeof batch === "number" && typeof accumulate === "number" && batch % accumulate !== 0) {
    const fitting = Array.from({ length: batch }, (_, i) => i + 1).filter((parts) => batch % parts === 0);
    const message = `a batch of ${batch} clips cannot be computed in ${accumulate} equal parts`;
    problem("CMMD527", ["accumulate"], message, `Write one of ${fitting.join(", ")}, or change "batch".`);
  }
  if (reset === true && from === undefined)
    problem("CMMD528", ["reset"], `"reset" has no meaning without "from"`, `Remove it, or name the weights in "from".`);
  if (typeof steps_per_run === "number" && steps_per_run > 1 && typeof accumulate === "number" && accumulate > 1)
    problem(
      "CMMD528",
      ["steps_per_run"],
      `"steps_per_run" has no meaning with "accumulate": each part of a batch is a run of its own`,
      "Remove one of them.",
    );
}

function checkSamples(checker: Checker, { task, guidance }: Plain): void {
  if (task === "joint" && guidance !== undefined)
    checker.problem(
      "CMMD529",
      `"guidance" has no meaning for the task "joint": nothing is known that could guide`,
      `Remove it, or choose the task "v2a" or "a2v".`,
      placeAt(checker.root, ["train", "samples", "guidance"], "value"),
    );
}

function checkGenerations(checker: Checker, groups: readonly unknown[], ema: unknown): void {
  const seen = new Set<string>();
  for (const [i, group] of groups.entries()) {
    const { name, task, guidance, weights } = mapOf(group);
    const path = ["generate", i];
    const label = name ?? task;
    if (typeof label === "string") {
      if (seen.has(label)) {
        const key = name === undefined ? "task" : "name";
        const hint = name === undefined ? `Give it a "name"; the task's is taken.` : "Give it another name.";
        const place = placeAt(checker.root, [...path, key], "value");
        checker.problem("CMMD213", `a second generation is called "${label}"`, hint, place);
      }
      seen.add(label);
    }
    checkTaskKeys(checker, mapOf(group), path);
    if (task === "joint" && guidance !== undefined)
      checker.problem(
        "CMMD215",
        `"guidance" has no meaning for the task "joint": nothing is known that could guide`,
        `Remove it, or choose the task "v2a" or "a2v".`,
        placeAt(checker.root, [...path, "guidance"], "key"),
      );
    if (weights === "ema" && ema === 0)
      checker.problem(
        "CMMD216",
        `there is no moving average of the weights: "train.ema" is 0`,
        `Write weights: model, or set "train.ema" to e.g. 0.999.`,
        placeAt(checker.root, [...path, "weights"], "value"),
      );
  }
}

/** Keys of a generation that belong to one task. */
const taskKeys = { known: "extend", span: "inpaint", fill: "inpaint" } as const;
const neededKeys = { extend: "known", inpaint: "span" } as const;

/** What says how much of a clip is known: CMMD533. */
function checkTaskKeys(checker: Checker, group: Plain, path: Path): void {
  const { task, frames, known, span } = group;
  const problem = (key: string, message: string, hint: string, part: "key" | "value" = "key") =>
    checker.problem("CMMD533", message, hint, placeAt(checker.root, [...path, key], part));
  for (const [key, its] of Object.entries(taskKeys))
    if (group[key] !== undefined && typeof task === "string" && task !== its)
      problem(key, `"${key}" belongs to the task "${its}", not to "${task}"`, `Remove it, or write task: ${its}.`);
  const needed = neededKeys[task as keyof typeof neededKeys];
  if (needed && group[needed] === undefined) {
    const example = needed === "known" ? "known: 9" : "span: [0.6, 1.2]";
    problem("task", `the task "${task}" lacks "${needed}"`, `Add it, e.g. ${example}.`, "value");
  }
  if (task === "extend" && typeof known === "number" && typeof frames === "number" && known >= frames)
    problem(
      "known",
      `all ${frames} frames are known: there is nothing to extend`,
      `Raise "frames", or lower "known".`,
      "value",
    );
  if (task === "inpaint" && Array.isArray(span) && span[0] >= span[1])
    problem(
      "span",
      `the span ends at ${span[1]} s, not after its beginning at ${span[0]} s`,
      "Write [from, to].",
      "value",
    );
}

/** Fills in the guidance of generations of which something is known and that say nothing about it. */
export function fillGuidance(checker: Checker, pipeline: Plain): void {
  const groups = listOf(pipeline.generate).map((group, i) => ({ group, at: ["generate", i] as Path }));
  const samples = { group: mapOf(pipeline.train).samples, at: ["train", "samples"] };
  for (const { group, at } of [...groups, samples]) {
    if (!isMap(group) || group.task === "joint" || group.task === undefined || group.guidance !== undefined) continue;
    const path: Path = [...at, "guidance"];
    if (nodeAt(checker.root, path)) continue;
    (group as { guidance?: UseEntry }).guidance = checker.entry("guidances", defaultGuidance, path);
  }
}
