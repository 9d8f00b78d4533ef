import type { DeviceTensor, HostTensor } from "@cmmd/jit";
import type { ModelBody } from "../plugin/components.js";
import { type NamedTensor, sizeOf } from "../plugin/tensors.js";
import { jitOptions } from "../stages/computing.js";
import type { StageInput } from "../stages/stage.js";
import type { Layout } from "./buckets.js";
import type { Scalars } from "./diffusion-objective.js";
import type { DiffusionBatch } from "./drawing.js";
import { lossesAt, type TimedLoss } from "./losses.js";
import type { StateTensors } from "./objective.js";
import { type ActiveLoss, accumulatingPrograms, type Shares, type StepInputs } from "./program.js";
import { numberOf, numbersOf, scalar } from "./scalars.js";

/** Rows `from` to `to` (not included) of a tensor. */
function rowsOf({ shape, data }: NamedTensor, from: number, to: number): NamedTensor {
  const row = sizeOf(shape.slice(1));
  return { shape: [to - from, ...shape.slice(1)], data: data.subarray(from * row, to * row) };
}

const mapped = <T, R>(map: Readonly<Record<string, T>>, each: (value: T) => R) =>
  Object.fromEntries(Object.entries(map).map(([name, value]) => [name, each(value)]));

/** A part of a batch: its clips, and the losses that have clips in it with how much of their mean those are. */
interface Part {
  readonly inputs: StepInputs<NamedTensor>;
  readonly drawn: Readonly<Record<string, Readonly<Record<string, NamedTensor>>>>;
  readonly losses: readonly ActiveLoss[];
  readonly shares: Shares;
}

/** A batch in `count` equal parts. The losses of the parts, weighted by their shares, add up to those of the whole batch. */
export function partsOf({ tensors, drawn }: DiffusionBatch, losses: readonly ActiveLoss[], count: number): Part[] {
  const batch = tensors.n.shape[0]!;
  const size = batch / count;
  // A loss that draws for the first clips alone is a mean over these.
  const clipsOf = ({ name }: ActiveLoss) => Object.values(drawn[name] ?? {})[0]?.shape[0] ?? batch;
  return Array.from({ length: count }, (_, i) => {
    const from = i * size;
    const held = losses.flatMap((loss) => {
      const rows = Math.min(clipsOf(loss), from + size) - from;
      return rows > 0 ? [{ loss, rows, share: rows / clipsOf(loss) }] : [];
    });
    return {
      inputs: mapped<NamedTensor, NamedTensor>(tensors, (tensor) => rowsOf(tensor, from, from + size)) as never,
      drawn: Object.fromEntries(
        held.map(({ loss, rows }) => [
          loss.name,
          mapped(drawn[loss.name] ?? {}, (tensor) => rowsOf(tensor, from, from + rows)),
        ]),
      ),
      losses: held.map(({ loss }) => loss),
      shares: Object.fromEntries(held.map(({ loss, rows, share }) => [loss.name, { rows, share }])),
    };
  });
}

/** Steps whose gradients are the sum of those of parts of the batch: `train.accumulate`. */
export function openAccumulation(
  input: StageInput,
  model: ModelBody<unknown>,
  layout: Layout,
  losses: readonly TimedLoss[],
) {
  const { gradientsOf, update } = accumulatingPrograms(input.pipeline, jitOptions(input), model, layout);
  const programs = new Map<string, ReturnType<typeof gradientsOf>>();
  const programOf = (part: Part) => {
    const key = JSON.stringify([part.losses.map(({ name }) => name), part.shares]);
    const program = programs.get(key) ?? gradientsOf(part.losses, part.shares);
    programs.set(key, program);
    return program;
  };
  return {
    async run(state: StateTensors, batch: DiffusionBatch, step: number, scalars: Scalars) {
      const parameters = state.buckets.map((bucket) => bucket.parameters);
      const lossScale = state.lossScale ? { scale: state.lossScale.scale } : {};
      let sums: readonly (HostTensor | DeviceTensor)[] = layout.buckets.map(({ shape }) => ({
        shape,
        data: new Float32Array(sizeOf(shape)),
      }));
      const log: Record<string, number> = {};
      let finite: number | undefined;
      for (const part of partsOf(batch, lossesAt(losses, step), input.pipeline.train.accumulate)) {
        const result = await programOf(part)(sums, parameters, lossScale, part.inputs, part.drawn);
        sums = result.sums;
        for (const [name, value] of Object.entries(await numbersOf(result.log))) log[name] = (log[name] ?? 0) + value;
        if (result.finite) finite = Math.min(finite ?? 1, await numberOf(result.finite));
      }
      const updated = await update(state, sums, scalars, finite === undefined ? [] : [scalar(finite)]);
      return { ...updated, log, finite };
    },
    async dispose() {
      await update.dispose();
      for (const program of programs.values()) await program.dispose();
    },
  };
}
