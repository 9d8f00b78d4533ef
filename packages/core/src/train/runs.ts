import type { JitOptions } from "@cmmd/jit";
import { CmmdError } from "../errors.js";
import type { AnyPipeline } from "../pipeline/resolved.js";
import { takesSingleSteps } from "../pipeline/single-steps.js";
import { type NamedTensor, sizeOf, type TensorData } from "../plugin/tensors.js";
import type { StageInput } from "../stages/stage.js";

/** Where every run copies the whole state to the device and back, a step pays a sixteenth of that. */
const manySteps = 16;

/** How many steps the device takes in one run at most: `train.steps_per_run`. Throws CMMD218 for several on `webgpu`. */
export function stepsPerRun({ pipeline, device }: Pick<StageInput<AnyPipeline>, "pipeline" | "device">): number {
  const { train } = pipeline;
  const asked = train.steps_per_run;
  if (device === "webgpu" && asked !== "auto" && asked > 1) {
    const { message, hint } = takesSingleSteps("device: webgpu", asked);
    throw new CmmdError("CMMD218", message, { hint, exitCode: 2 });
  }
  if (asked !== "auto") return asked;
  return device === "cuda" && train.accumulate === 1 ? manySteps : 1;
}

/**
 * The step after which the run that begins after step `step` ends: after `most` steps, at the last step of all, or where something is done
 * with the state every so many steps (`events`). Runs are counted from the event before, so that interrupted training, which goes on from
 * the end of a run, has the same ones.
 */
export function endOfRun(step: number, last: number, most: number, events: readonly number[]): number {
  const before = Math.max(0, ...events.map((every) => step - (step % every)));
  const after = events.map((every) => step - (step % every) + every);
  return Math.min(last, ...after, step + most - ((step - before) % most));
}

/** A step as the device is given it: the name of its program, and the tensors beside the state. */
export interface TracedStep<Args extends readonly unknown[]> {
  readonly program: string;
  readonly args: Args;
}

/** Stretches of steps that one program can take: of the same name, with tensors of the same shapes. */
function stretchesOf<S extends TracedStep<readonly unknown[]>>(steps: readonly S[]): S[][] {
  const stretches: S[][] = [];
  let last: string | undefined;
  for (const step of steps) {
    const { program, args } = step;
    const key = JSON.stringify([program, args], (_, value) => (ArrayBuffer.isView(value) ? undefined : value));
    if (key === last) stretches.at(-1)!.push(step);
    else stretches.push([step]);
    last = key;
  }
  return stretches;
}

/** Takes steps one after the other, in as few runs as their programs allow; `take` makes one of them. */
export async function inRuns<State, S extends TracedStep<readonly unknown[]>, Taken>(
  first: State,
  steps: readonly S[],
  take: (state: State, stretch: readonly S[]) => Promise<{ readonly state: State; readonly taken: readonly Taken[] }>,
): Promise<{ readonly state: State; readonly taken: readonly Taken[] }> {
  let state = first;
  const taken: Taken[] = [];
  for (const stretch of stretchesOf(steps)) {
    const result = await take(state, stretch);
    state = result.state;
    taken.push(...result.taken);
  }
  return { state, taken };
}

/** What a program of so many steps is compiled with. */
export const repeated = (steps: number): Pick<JitOptions, "repeat"> => (steps > 1 ? { repeat: steps } : {});

const isTensor = (node: unknown): node is NamedTensor => ArrayBuffer.isView((node as NamedTensor).data);

/** Trees of tensors of equal shapes as one, stacked along a new first dimension; a single one stays as it is. */
export function stacked<T>(trees: readonly T[]): T {
  const first = trees[0]!;
  if (trees.length === 1) return first;
  if (isTensor(first)) {
    const size = sizeOf(first.shape);
    const data = new (first.data.constructor as new (length: number) => TensorData)(trees.length * size);
    (trees as unknown as readonly NamedTensor[]).forEach((tensor, i) => {
      data.set(tensor.data, i * size);
    });
    return { shape: [trees.length, ...first.shape], data } as T;
  }
  const part = (key: string) => stacked(trees.map((tree) => (tree as Record<string, unknown>)[key]));
  if (Array.isArray(first)) return first.map((_, i) => part(String(i))) as T;
  return Object.fromEntries(Object.keys(first as object).map((key) => [key, part(key)])) as T;
}
