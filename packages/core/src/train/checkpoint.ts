import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DeviceTensor, type HostTensor, type LossScale } from "@cmmd/jit";
import { readSafetensors, writeSafetensors } from "../data/safetensors.js";
import { type Layout, namesOf, pack, unpack } from "./buckets.js";
import type { TrainState, WholeState } from "./optimizer.js";

/** The training state. */
export type StateTensors = WholeState<HostTensor | DeviceTensor>;

const hostOf = async (tensor: HostTensor | DeviceTensor) => (tensor instanceof DeviceTensor ? tensor.read() : tensor);
const scalar = (value: number): HostTensor => ({ shape: [], data: Float32Array.of(value) });

const trainerFile = "trainer.json";
const pattern = /^checkpoint-(\d+)$/;

/** One part of the state as a vector of all parameters, in PyTorch's order. */
async function vectorOf(state: StateTensors, part: keyof TrainState<unknown>, layout: Layout): Promise<Float32Array> {
  const all = new Float32Array(layout.size);
  for (const [i, bucket] of layout.buckets.entries()) {
    const { data } = await hostOf(state.buckets[i]![part]);
    unpack(data as Float32Array, bucket, all);
  }
  return all;
}

/** Writes `model`, `ema`, `optimizer` (safetensors) and `trainer.json` of a state after `step` steps into `folder`. */
export async function writeState(folder: string, step: number, state: StateTensors, layout: Layout): Promise<void> {
  const file = (name: string) => join(folder, `${name}.safetensors`);
  const vector = async (part: keyof TrainState<unknown>) => vectorOf(state, part, layout);
  await writeSafetensors(file("model"), namesOf(await vector("parameters"), layout));
  await writeSafetensors(file("ema"), namesOf(await vector("ema"), layout));
  const shape = [layout.size];
  await writeSafetensors(file("optimizer"), {
    first: { shape, data: await vector("first") },
    second: { shape, data: await vector("second") },
  });
  const { lossScale } = state;
  const [scale, good] = lossScale ? await Promise.all([hostOf(lossScale.scale), hostOf(lossScale.good)]) : [];
  const scaling = scale && good ? { lossScale: { scale: scale.data[0]!, good: good.data[0]! } } : {};
  writeFileSync(join(folder, trainerFile), `${JSON.stringify({ step, ...scaling })}\n`);
}

async function readState(folder: string, layout: Layout): Promise<WholeState<HostTensor>> {
  const read = async (name: string) => (await readSafetensors(join(folder, `${name}.safetensors`))).tensors;
  const parameters = pack(await read("model"), layout);
  const ema = pack(await read("ema"), layout);
  const moments = await read("optimizer");
  const moment = (name: "first" | "second") => pack(namesOf(moments[name]!.data as Float32Array, layout), layout);
  const [first, second] = [moment("first"), moment("second")];
  const buckets = parameters.map((tensor, i) => ({
    parameters: tensor,
    first: first[i]!,
    second: second[i]!,
    ema: ema[i]!,
  }));
  const trainer = JSON.parse(readFileSync(join(folder, trainerFile), "utf8")) as { lossScale?: LossScale<number> };
  const { lossScale } = trainer;
  return { buckets, ...(lossScale && { lossScale: { scale: scalar(lossScale.scale), good: scalar(lossScale.good) } }) };
}

function steps(folder: string): number[] {
  return readdirSync(folder)
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** Checkpoints of unfinished training: whole folders, renamed into place, the newest kept. */
export const checkpoints = {
  async save(folder: string, step: number, state: StateTensors, layout: Layout): Promise<void> {
    const unfinished = join(folder, "checkpoint.tmp");
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished);
    await writeState(unfinished, step, state, layout);
    const finished = join(folder, `checkpoint-${step}`);
    rmSync(finished, { recursive: true, force: true });
    renameSync(unfinished, finished);
    for (const old of steps(folder)) if (old !== step) rmSync(join(folder, `checkpoint-${old}`), { recursive: true });
  },

  /** The step of the newest checkpoint. */
  newest: (folder: string): number | undefined => steps(folder).at(-1),

  /** The state after `step` steps. */
  read: (folder: string, step: number, layout: Layout): Promise<StateTensors> =>
    readState(join(folder, `checkpoint-${step}`), layout),

  clear(folder: string): void {
    rmSync(join(folder, "checkpoint.tmp"), { recursive: true, force: true });
    for (const step of steps(folder)) rmSync(join(folder, `checkpoint-${step}`), { recursive: true });
  },
};
