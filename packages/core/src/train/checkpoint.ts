import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DeviceTensor, type HostTensor, type LossScale } from "@cmmd/jit";
import { matchTensors } from "../data/match-tensors.js";
import { readSafetensors, streamSafetensors } from "../data/safetensors.js";
import type { Json } from "../plugin/components.js";
import type { NamedTensor, NamedTensors } from "../plugin/tensors.js";
import { type Layout, namesOf, pack, unpack } from "./buckets.js";
import type { Objective, States, StateTensors, StepResult } from "./objective.js";
import type { TrainState, WholeState } from "./optimizer.js";
import { scalar } from "./scalars.js";

/** What a checkpoint is of: the layouts of its sets of parameters, and the configuration that is written beside them. */
type Described = Pick<Objective<unknown>, "layouts" | "configuration">;

const hostOf = async (tensor: HostTensor | DeviceTensor) => (tensor instanceof DeviceTensor ? tensor.read() : tensor);

/** What says how far training is, in a folder that `writeState` wrote. */
export const trainerFile = "trainer.json";
const configFile = "config.json";
const pattern = /^checkpoint-(\d+)$/;

/** Files of a set of parameters: `model.safetensors`, ..., and e.g. `discriminator.model.safetensors` for sets other than `model`. */
const fileOf = (set: string, part: "model" | "ema" | "optimizer") =>
  `${set === "model" ? "" : `${set}.`}${part}.safetensors`;

/** The averaged weights that are generated with, in such a folder. */
export const averagedFile = fileOf("model", "ema");

/** One part of the state by parameter, in their stable order. */
const tensorsOf = (state: StateTensors, part: keyof TrainState<unknown>, layout: Layout) =>
  unpack(layout, async (bucket) => (await hostOf(state.buckets[bucket]![part])).data as Float32Array);

/** The elements of parts of the state one after the other: a copy of the whole would be as large as the parameters. */
async function* elementsOf(state: StateTensors, parts: readonly (keyof TrainState<unknown>)[], layout: Layout) {
  for (const part of parts)
    for await (const { tensor } of tensorsOf(state, part, layout)) yield tensor.data as Float32Array;
}

/** The averaged weights by name, as `generate` reads them. */
export async function averagedWeights(state: StateTensors, layout: Layout): Promise<NamedTensors> {
  const weights: Record<string, NamedTensor> = {};
  for await (const { name, tensor } of tensorsOf(state, "ema", layout)) weights[name] = tensor;
  return weights;
}

/** What is in `trainer.json`. */
interface Trainer {
  readonly step: number;
  /** Of mixed precision, by set of parameters. */
  readonly lossScale?: Readonly<Record<string, LossScale<number>>>;
  /** What the step logged, where its validation and samples are still to be made. */
  readonly pending?: StepResult["log"];
}

/**
 * Writes a state after `step` steps into `folder`: for each set of parameters `model`, `ema` and `optimizer` (safetensors; the names and
 * their order are stable), `trainer.json`, and `config.json`, which says what the parameters are of. In `optimizer` are the sums that the
 * optimizer keeps: times 1 - beta1 and 1 - beta2 they are Adam's moments.
 */
export async function writeState(
  folder: string,
  step: number,
  states: States,
  described: Described,
  pending?: Trainer["pending"],
): Promise<void> {
  const lossScale: Record<string, LossScale<number>> = {};
  for (const [set, layout] of Object.entries(described.layouts)) {
    const state = states[set]!;
    const file = (part: "model" | "ema" | "optimizer") => join(folder, fileOf(set, part));
    const shapes = Object.fromEntries(layout.parameters.map(({ name, shape }) => [name, shape]));
    await streamSafetensors(file("model"), shapes, elementsOf(state, ["parameters"], layout));
    await streamSafetensors(file("ema"), shapes, elementsOf(state, ["ema"], layout));
    const sums = { first: [layout.size], second: [layout.size] };
    await streamSafetensors(file("optimizer"), sums, elementsOf(state, ["first", "second"], layout));
    if (!state.lossScale) continue;
    const [scale, good] = await Promise.all([hostOf(state.lossScale.scale), hostOf(state.lossScale.good)]);
    lossScale[set] = { scale: scale.data[0]!, good: good.data[0]! };
  }
  const trainer: Trainer = {
    step,
    ...(Object.keys(lossScale).length > 0 && { lossScale }),
    ...(pending && { pending }),
  };
  writeFileSync(join(folder, trainerFile), `${JSON.stringify(trainer)}\n`);
  writeFileSync(join(folder, configFile), `${JSON.stringify({ ...described.configuration, step }, null, 2)}\n`);
}

const readJson = <T>(path: string): T | undefined =>
  existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : undefined;

/** What a folder of weights holds beside the weights themselves. */
export interface Facts {
  /** Steps that were taken; undefined where only weights are, and then there are no moments either. */
  readonly step: number | undefined;
  readonly configuration: Readonly<Record<string, Json>> | undefined;
  /** Of a step that was interrupted after it was taken: what it logged. Its validation and samples are still to be made. */
  readonly pending: Trainer["pending"];
}

const isFile = (path: string) => statSync(path).isFile();
const folderOf = (from: string) => (isFile(from) ? dirname(from) : from);
/** Of a file of weights alone, nothing: it may be any step's. */
const readTrainer = (from: string) => (isFile(from) ? undefined : readJson<Trainer>(join(from, trainerFile)));

/** What is told beside weights, without reading these. */
export function readFacts(from: string): Facts {
  const trainer = readTrainer(from);
  const configuration = readJson<NonNullable<Facts["configuration"]>>(join(folderOf(from), configFile));
  return { step: trainer?.step, configuration, pending: trainer?.pending };
}

/**
 * The state in a folder that `writeState` wrote, or that has at least `model.safetensors`, or in a file of the model's weights: where there
 * is nothing else, the average is the weights, and the moments are zero. Of other sets than `model` those that are there. Throws CMMD570 when tensors are missing or have other shapes.
 */
export async function readState(
  from: string,
  layouts: Described["layouts"],
): Promise<Facts & { readonly states: States }> {
  const alone = isFile(from);
  const folder = folderOf(from);
  const trainer = readTrainer(from);
  const states: Record<string, WholeState<HostTensor>> = {};
  for (const [set, layout] of Object.entries(layouts)) {
    const read = async (part: "model" | "ema" | "optimizer") => {
      const isModel = set === "model" && part === "model";
      const path = alone && isModel ? from : join(folder, fileOf(set, part));
      return isModel || (!alone && existsSync(path)) ? { path, ...(await readSafetensors(path)) } : undefined;
    };
    const expected = namesOf(new Float32Array(0), layout);
    const packed = (found: { readonly path: string; readonly tensors: NamedTensors }) => {
      matchTensors(found.tensors, expected, found.path);
      return pack(found.tensors, layout);
    };
    const own = await read("model");
    if (!own) continue;
    const parameters = packed(own);
    const average = await read("ema");
    const ema = average ? packed(average) : parameters;
    const moments = trainer && (await read("optimizer"));
    const vector = { shape: [layout.size] };
    if (moments) matchTensors(moments.tensors, { first: vector, second: vector }, moments.path);
    const moment = (name: "first" | "second") =>
      moments
        ? pack(namesOf(moments.tensors[name]!.data as Float32Array, layout), layout)
        : parameters.map(({ shape, data }) => ({ shape, data: new Float32Array(data.length) }));
    const [first, second] = [moment("first"), moment("second")];
    const lossScale = trainer?.lossScale?.[set];
    states[set] = {
      buckets: parameters.map((tensor, i) => ({
        parameters: tensor,
        first: first[i]!,
        second: second[i]!,
        ema: ema[i]!,
      })),
      ...(lossScale && { lossScale: { scale: scalar(lossScale.scale), good: scalar(lossScale.good) } }),
    };
  }
  return { states, ...readFacts(from) };
}

/** Steps of the checkpoints in a folder, in order. */
function steps(folder: string): number[] {
  return readdirSync(folder)
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** Which checkpoints stay: the `last` ones of unfinished training, and those at multiples of `every` steps for good. */
export interface Kept {
  readonly last: number;
  readonly every: number | undefined;
}

const isMilestone = (step: number, { every }: Pick<Kept, "every">) => every !== undefined && step % every === 0;

/** Checkpoints: whole folders, renamed into place. */
export const checkpoints = {
  path: (folder: string, step: number) => join(folder, `checkpoint-${step}`),

  async save(
    folder: string,
    step: number,
    states: States,
    described: Described,
    kept: Kept,
    pending?: Trainer["pending"],
  ): Promise<void> {
    const unfinished = join(folder, "checkpoint.tmp");
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished);
    await writeState(unfinished, step, states, described, pending);
    const finished = this.path(folder, step);
    rmSync(finished, { recursive: true, force: true });
    renameSync(unfinished, finished);
    const passing = steps(folder).filter((one) => !isMilestone(one, kept));
    for (const old of passing.slice(0, Math.max(0, passing.length - kept.last)))
      if (old !== step) rmSync(this.path(folder, old), { recursive: true });
  },

  /** The step of the newest checkpoint. */
  newest: (folder: string): number | undefined => steps(folder).at(-1),

  /** Removes what training that finished with step `last` needs no more: all but the milestones before it. */
  clear(folder: string, kept: Pick<Kept, "every">, last: number): void {
    rmSync(join(folder, "checkpoint.tmp"), { recursive: true, force: true });
    for (const step of steps(folder))
      if (step >= last || !isMilestone(step, kept)) rmSync(this.path(folder, step), { recursive: true });
  },
};
