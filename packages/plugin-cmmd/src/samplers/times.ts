import { CmmdError, type OptionProblem, type Schedule } from "@cmmd/core";

/** What is wrong with a number of steps of which a schedule, or the stretch of it that a sampler uses, has only `available`. */
export function stepProblems(steps: number, available: number, what = "the diffusion has"): readonly OptionProblem[] {
  if (steps <= available) return [];
  return [
    {
      option: "steps",
      code: "CMMD540",
      message: `the sampler is to take ${steps} steps, but ${what} only ${available}`,
      hint: `Write steps: ${available} or fewer, or raise diffusion.steps and train again.`,
    },
  ];
}

/** Sampling may be asked for without a pipeline that was validated. */
function refuse(problems: readonly OptionProblem[]): void {
  for (const { code, message, hint } of problems) throw new CmmdError(code, message, { hint, exitCode: 2 });
}

/** Descending diffusion steps from `last` to 0 at equal distances: 1000, 995, ..., 5, 0 for 200 of 1000. Errors: CMMD540. */
export function uniformTimes(last: number, steps: number): number[] {
  refuse(stepProblems(steps, last));
  return Array.from({ length: steps + 1 }, (_, k) => Math.round((last * (steps - k)) / steps));
}

/** Noise per signal at step n: sigma of Karras et al. (2022), whose y = x_n / sqrt(alphaBar) = x0 + sigma eps. */
export const sigmaAt = (schedule: Schedule, n: number): number => Math.sqrt(1 / schedule.alphaBar(n) - 1);

/** The step of 1 to `schedule.steps` whose log sigma is nearest to that of `sigma`. */
function nearestTime(schedule: Schedule, sigma: number): number {
  let [low, high] = [1, schedule.steps];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sigmaAt(schedule, middle) <= sigma) low = middle;
    else high = middle;
  }
  return sigma * sigma < sigmaAt(schedule, low) * sigmaAt(schedule, high) ? low : high;
}

const between = "between its lowest and highest noise the schedule has";

/** CMMD540 for more noise levels than the schedule has steps from one level to the other, both included. */
export function levelProblems(schedule: Schedule, count: number, low: number, high: number): readonly OptionProblem[] {
  return stepProblems(count, nearestTime(schedule, high) - nearestTime(schedule, low) + 1, between);
}

/**
 * Diffusion steps for falling noise levels, and 0: for each the nearest one, so that the network is asked only where it was trained, and
 * no step twice. Errors: CMMD540.
 */
export function timesOf(schedule: Schedule, sigmas: readonly number[]): number[] {
  refuse(levelProblems(schedule, sigmas.length, sigmas.at(-1)!, sigmas[0]!));
  const times = sigmas.map((sigma) => nearestTime(schedule, sigma));
  const lowest = times.at(-1)!;
  for (let k = 1; k < times.length; k++) times[k] = Math.min(times[k]!, times[k - 1]! - 1);
  times[times.length - 1] = lowest;
  for (let k = times.length - 2; k >= 0; k--) times[k] = Math.max(times[k]!, times[k + 1]! + 1);
  return [...times, 0];
}
