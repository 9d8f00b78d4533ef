import { stream } from "../diffusion/random.js";
import { type Schedule, schedules } from "../diffusion/schedule.js";
import { openNegatives } from "../negatives/mixture.js";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import type { Clip, PairShape } from "../plugin/clips.js";
import type { NamedTensor } from "../plugin/tensors.js";
import { openClips } from "../stages/clips.js";
import type { StageInput } from "../stages/stage.js";
import { clipOrder, type DrawnBatch, drawBatch } from "./batches.js";
import { lossesAt, openLosses, type TimedLoss } from "./losses.js";
import type { Drawn } from "./program.js";

/** What a step of diffusion training learns from. */
export interface DiffusionBatch {
  readonly tensors: DrawnBatch["tensors"];
  readonly drawn: Drawn<NamedTensor>;
}

/** What every batch of a pipeline is drawn with. */
export interface Drawing {
  readonly clips: readonly Clip[];
  readonly shape: PairShape;
  readonly schedule: Schedule;
  /** Tells the random numbers of one use from those of another. */
  readonly seed: number;
  readonly order: (position: number) => number;
  readonly negative: Awaited<ReturnType<typeof openNegatives>>;
}

export const scheduleOf = ({ diffusion }: ResolvedPipeline): Schedule => schedules[diffusion.schedule](diffusion.steps);

/** Draws a batch and what the losses want beside it; a pure function of its arguments. */
export function drawDiffusion(
  { clips, shape, schedule, seed, order, negative }: Drawing,
  losses: readonly TimedLoss[],
  step: number,
  batch: number,
): DiffusionBatch {
  const positive = drawBatch(seed, step, batch, clips, order, shape, schedule);
  const drawn = losses.map(({ name, used, body }) => {
    const given = { clips: positive.clips, pool: clips, step, shape };
    const random = (purpose: string, ...at: number[]) => stream(seed, `${name} ${purpose}`, step, ...at);
    return [name, body.draw?.(used.options, given, { random, negative }) ?? {}] as const;
  });
  return { tensors: positive.tensors, drawn: Object.fromEntries(drawn) };
}

/** What drawing needs of a stage's input. */
export type DrawingInput = Pick<StageInput, "pipeline" | "inputs" | "component"> & {
  readonly context: Pick<StageInput["context"], "random">;
};

/** What is known of the data before the first step. */
export interface DiffusionFacts {
  /** Training clips. */
  readonly clips: number;
  readonly shape: PairShape;
}

/** The training clips' number and sizes, and the batches of the steps. */
export async function openDrawing(input: DrawingInput) {
  const { pipeline } = input;
  const { seed, train } = pipeline;
  const [{ clips, shape }, losses] = await Promise.all([openClips(input, ["train"]), openLosses(input)]);
  const negative = await openNegatives(input, clips);
  const schedule = scheduleOf(pipeline);
  const drawing: Drawing = { clips, shape, schedule, seed, order: clipOrder(seed, clips.length), negative };
  return {
    clips: clips.length,
    shape,
    draw: (step: number) => drawDiffusion(drawing, lossesAt(losses, step), step, train.batch),
  };
}
