import type { HostTensor } from "@cmmd/jit";
import type { ModelBody } from "../plugin/components.js";
import { jitOptions } from "../stages/computing.js";
import type { StageInput } from "../stages/stage.js";
import type { Layout } from "./buckets.js";
import type { DiffusionBatch } from "./drawing.js";
import type { TimedLoss } from "./losses.js";
import type { StateTensors } from "./objective.js";
import type { StepScalars } from "./optimizer.js";
import { programsByName, trainingProgram } from "./program.js";
import { repeated, stacked, type TracedStep } from "./runs.js";
import { normsOf, numbersOfSteps } from "./scalars.js";

/** A step of diffusion training: its program by the losses in force. */
export interface DiffusionStep
  extends TracedStep<readonly [DiffusionBatch["tensors"], DiffusionBatch["drawn"], StepScalars<HostTensor>]> {
  readonly losses: readonly TimedLoss[];
}

/** What a step gave. In mixed precision `finite` is 0 when a gradient overflowed, and `scale` is the next loss scale. */
export interface DiffusionFigures {
  readonly log: Readonly<Record<string, number>>;
  readonly gradient: number;
  readonly finite?: number;
  readonly scale?: number;
}

/** Steps of whole batches, one or several in a run. */
export function openWholeSteps(input: StageInput, model: ModelBody<unknown>, layout: Layout) {
  const programs = programsByName<ReturnType<typeof trainingProgram>>();
  return {
    async take(before: StateTensors, steps: readonly DiffusionStep[]) {
      const count = steps.length;
      const { program: name, losses } = steps[0]!;
      const computing = { ...jitOptions(input), ...repeated(count) };
      const program = programs.of(`${count} ${name}`, () =>
        trainingProgram(input.pipeline, computing, model, layout, losses),
      );
      const { state, log, squares, scaling = {} } = await program(before, ...stacked(steps.map(({ args }) => args)));
      const [logs, norms, scalings] = [
        await numbersOfSteps(log, count),
        await normsOf(squares, count),
        await numbersOfSteps(scaling, count),
      ];
      return { state, taken: logs.map((own, i) => ({ log: own, gradient: norms[i]!, ...scalings[i] })) };
    },
    dispose: () => programs.dispose(),
  };
}
