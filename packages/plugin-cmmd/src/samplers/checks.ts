import type { OptionProblem, PipelineFacts } from "@cmmd/core";
import { range } from "./heun.js";
import type { HeunOptions } from "./options.js";
import { levelProblems, stepProblems } from "./times.js";

type Facts = Pick<PipelineFacts, "schedule">;

/** A sampler visits each diffusion step once at most: CMMD540. */
export const checkSteps = ({ steps }: { readonly steps: number }, { schedule }: Facts): readonly OptionProblem[] =>
  stepProblems(steps, schedule.steps);

/** CMMD540, and CMMD541 for a range of noise levels without extent. */
export function checkHeun(options: HeunOptions, { schedule }: Facts): readonly OptionProblem[] {
  const { low, high } = range(schedule, options);
  if (low < high) return levelProblems(schedule, options.steps, low, high);
  const message = `the noise levels end at ${options.sigma_min}, not below where they begin: ${options.sigma_max}`;
  return [{ option: "sigma_max", code: "CMMD541", message, hint: "Leave sigma_min and sigma_max at 0.002 and 80." }];
}
