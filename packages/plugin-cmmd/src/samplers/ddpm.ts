import type { SamplerBody } from "@cmmd/core";
import { combine } from "./combine.js";
import type { DdpmOptions } from "./options.js";
import { uniformTimes } from "./times.js";

/**
 * Ancestral sampling (Ho et al. 2020, algorithm 2), on all steps of the schedule or on a part of them: the mean of q(x_m | x_n, x0), which
 * in terms of x0 and eps is DDIM's with eta 1, and noise of the posterior's variance or of beta = 1 - alphaBar_n / alphaBar_m. No noise
 * is added by the last step.
 */
export const body: SamplerBody<DdpmOptions> = {
  evaluations: ({ steps }) => steps,
  async sample({ steps, variance }, predict, start, { schedule, noise, evaluated, from: stood, stands, signal }) {
    const times = uniformTimes(schedule.steps, steps);
    let x = stood?.x ?? start;
    for (let k = stood?.step ?? 0; k < steps; k++) {
      signal.throwIfAborted();
      const { x0, eps } = await predict(x, times[k]!);
      const from = schedule.alphaBar(times[k]!);
      const to = schedule.alphaBar(times[k + 1]!);
      const beta = 1 - from / to;
      const posterior = ((1 - to) / (1 - from)) * beta;
      const direction = Math.sqrt(Math.max(1 - to - posterior, 0));
      const sigma = k === steps - 1 ? 0 : Math.sqrt(variance === "small" ? posterior : beta);
      x = combine(Math.sqrt(to), x0, direction, eps, sigma, sigma > 0 ? noise(k) : undefined);
      evaluated(k + 1);
      stands?.({ step: k + 1, x });
    }
    return x;
  },
};
