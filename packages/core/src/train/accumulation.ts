import type { ModelBody } from "../plugin/components.js";
import type { NamedTensor } from "../plugin/tensors.js";
import { jitOptions } from "../stages/computing.js";
import type { StageInput } from "../stages/stage.js";
import { rowsOf } from "./batches.js";
import type { Layout } from "./buckets.js";
import type { DiffusionBatch } from "./drawing.js";
import type { StateTensors } from "./objective.js";
import {
  type ActiveLoss,
  accumulatingPrograms,
  programName,
  programsByName,
  type Shares,
  type StepInputs,
} from "./program.js";
import { normsOf, numbersOf, scalar } from "./scalars.js";
import { summed } from "./summed.js";
import type { DiffusionStep } from "./whole-steps.js";

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
export function openAccumulation(input: StageInput, model: ModelBody<unknown>, layout: Layout) {
  const { gradientsOf, update } = accumulatingPrograms(input.pipeline, jitOptions(input), model, layout);
  const programs = programsByName<ReturnType<typeof gradientsOf>>();
  const programOf = ({ losses, shares }: Part) =>
    programs.of(`${programName(losses)} ${JSON.stringify(shares)}`, () => gradientsOf(losses, shares));
  return {
    /** Takes one step. */
    async take(state: StateTensors, [step]: readonly DiffusionStep[]) {
      const { losses, args } = step!;
      const [tensors, drawn, scalars] = args;
      const parameters = state.buckets.map((bucket) => bucket.parameters);
      const lossScale = state.lossScale ? { scale: state.lossScale.scale } : {};
      let finite = 1;
      const parts = partsOf({ tensors, drawn }, losses, input.pipeline.train.accumulate);
      const { sums, log } = await summed(layout, parts, async (sums, part) => {
        const result = await programOf(part)(sums, parameters, lossScale, part.inputs, part.drawn);
        if (result.finite) finite = Math.min(finite, (await numbersOf([result.finite]))[0]!);
        return result;
      });
      const updated = await update(state, sums, scalars, state.lossScale ? [scalar(finite)] : []);
      const [gradient] = await normsOf(updated.squares, 1);
      const scaling = updated.scaling && (await numbersOf(updated.scaling));
      return { state: updated.state, taken: [{ log, gradient: gradient!, ...scaling }] };
    },
    async dispose() {
      await update.dispose();
      await programs.dispose();
    },
  };
}
