import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "../data/safetensors.js";
import { flatten, type Layout, unflatten } from "./flat.js";
import type { TrainState } from "./optimizer.js";

export type HostState = TrainState<Float32Array>;

const pattern = /^checkpoint-(\d+)$/;

/** Writes `model`, `ema`, `optimizer` (safetensors) and `trainer.json` of a state after `step` steps into `folder`. */
export async function writeState(folder: string, step: number, state: HostState, layout: Layout): Promise<void> {
  await writeSafetensors(join(folder, "model.safetensors"), unflatten(state.parameters, layout));
  await writeSafetensors(join(folder, "ema.safetensors"), unflatten(state.ema, layout));
  const size = state.first.length;
  await writeSafetensors(join(folder, "optimizer.safetensors"), {
    first: { shape: [size], data: state.first },
    second: { shape: [size], data: state.second },
  });
  writeFileSync(join(folder, "trainer.json"), `${JSON.stringify({ step })}\n`);
}

async function readState(folder: string, layout: Layout): Promise<{ step: number; state: HostState }> {
  const [model, ema, optimizer] = await Promise.all(
    ["model", "ema", "optimizer"].map((name) => readSafetensors(join(folder, `${name}.safetensors`))),
  );
  const { step } = JSON.parse(readFileSync(join(folder, "trainer.json"), "utf8")) as { step: number };
  return {
    step,
    state: {
      parameters: flatten(model!.tensors, layout),
      ema: flatten(ema!.tensors, layout),
      first: optimizer!.tensors.first!.data as Float32Array,
      second: optimizer!.tensors.second!.data as Float32Array,
    },
  };
}

function steps(folder: string): number[] {
  return readdirSync(folder)
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** Checkpoints of unfinished training: whole folders, renamed into place, the newest kept. */
export const checkpoints = {
  async save(folder: string, step: number, state: HostState, layout: Layout): Promise<void> {
    const unfinished = join(folder, "checkpoint.tmp");
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished);
    await writeState(unfinished, step, state, layout);
    const finished = join(folder, `checkpoint-${step}`);
    rmSync(finished, { recursive: true, force: true });
    renameSync(unfinished, finished);
    for (const old of steps(folder)) if (old !== step) rmSync(join(folder, `checkpoint-${old}`), { recursive: true });
  },

  async newest(folder: string, layout: Layout): Promise<{ step: number; state: HostState } | undefined> {
    const step = steps(folder).at(-1);
    return step === undefined ? undefined : readState(join(folder, `checkpoint-${step}`), layout);
  },

  clear(folder: string): void {
    rmSync(join(folder, "checkpoint.tmp"), { recursive: true, force: true });
    for (const step of steps(folder)) rmSync(join(folder, `checkpoint-${step}`), { recursive: true });
  },
};
