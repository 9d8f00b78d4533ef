import type { HostTensor } from "@cmmd/jit";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import { jitOptions } from "../stages/computing.js";
import type { StageInput } from "../stages/stage.js";
import type { States } from "./objective.js";
import type { StepScalars } from "./optimizer.js";
import { programsByName } from "./program.js";
import { repeated, stacked, type TracedStep } from "./runs.js";
import { normsOf, numbersOfSteps } from "./scalars.js";
import { type constantsOf, type VocoderParts, vocoderProgram } from "./vocoder-program.js";

/** A step of a vocoder's training. */
export interface VocoderStep
  extends TracedStep<readonly [HostTensor, Readonly<Record<"model" | "discriminator", StepScalars<HostTensor>>>]> {
  /** Whether the discriminators are in force. */
  readonly adversarial: boolean;
}

/** What a step gave: its scalars, and the norms of the gradients of the vocoder and of the discriminators in force. */
export interface VocoderFigures {
  readonly log: Readonly<Record<string, number>>;
  readonly norm: number;
  readonly judges?: number;
}

/** Steps of whole batches, one or several in a run. */
export function openWholeVocoderSteps(
  input: StageInput<VocoderPipeline>,
  parts: VocoderParts,
  constants: ReturnType<typeof constantsOf>,
) {
  const programs = programsByName<ReturnType<typeof vocoderProgram>>();
  return {
    async take({ model, discriminator }: States, steps: readonly VocoderStep[]) {
      const count = steps.length;
      const { program: name, adversarial } = steps[0]!;
      const program = programs.of(`${count} ${name}`, () =>
        vocoderProgram(input.pipeline, { ...jitOptions(input), ...repeated(count) }, parts, adversarial),
      );
      const state = { model: model!, ...(adversarial && { discriminator: discriminator! }) };
      const result = await program(state, ...stacked(steps.map(({ args }) => args)), constants);
      const logs = await numbersOfSteps(result.log, count);
      const { squares } = result;
      const norms = await normsOf(squares.model!, count);
      const theirs = squares.discriminator && (await normsOf(squares.discriminator, count));
      return {
        state: { model: result.state.model!, discriminator: result.state.discriminator ?? discriminator! },
        taken: logs.map((log, i) => ({ log, norm: norms[i]!, ...(theirs && { judges: theirs[i]! }) })),
      };
    },
    dispose: () => programs.dispose(),
  };
}
