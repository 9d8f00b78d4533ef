import type { SamplerBody, Schedule } from "@cmmd/core";
import { combine } from "./combine.js";
import type { DpmSolverOptions } from "./options.js";
import { sigmaAt, timesOf, uniformTimes } from "./times.js";

/** Steps at equal distances of log sigma, from the schedule's highest to its lowest noise. */
function logSnrTimes(schedule: Schedule, steps: number): number[] {
  const high = Math.log(sigmaAt(schedule, schedule.steps));
  const low = Math.log(sigmaAt(schedule, 1));
  const levels = Array.from({ length: steps }, (_, k) => Math.exp(high + ((low - high) * k) / Math.max(steps - 1, 1)));
  return timesOf(schedule, levels);
}

/**
 * DPM-Solver++(2M) (Lu et al. 2022, algorithm 2), data prediction. With lambda = -log sigma and h its growth from n to m,
 * x_m = (r_m / r_n) x_n - s_m (e^-h - 1) D, where D = x0 + (h / 2 h_before) (x0 - x0_before), or x0 in first order. The first step is of first
 * order, as nothing is before it, and so is the last one: it goes to alphaBar_0 = 1, where h is infinite, and gives the last x0.
 */
export const body: SamplerBody<DpmSolverOptions> = {
  evaluations: ({ steps }) => steps,
  async sample(options, predict, start, { schedule, evaluated, from: stood, stands, signal }) {
    const { steps, order, final_first_order, spacing } = options;
    const times = spacing === "uniform" ? uniformTimes(schedule.steps, steps) : logSnrTimes(schedule, steps);
    const shrinking = (k: number) => sigmaAt(schedule, times[k + 1]!) / sigmaAt(schedule, times[k]!);
    let x = stood?.x ?? start;
    let before = stood?.before;
    for (let k = stood?.step ?? 0; k < steps; k++) {
      signal.throwIfAborted();
      const [n, m] = [times[k]!, times[k + 1]!];
      const { x0 } = await predict(x, n);
      const [from, to] = [schedule.alphaBar(n), schedule.alphaBar(m)];
      const shrunk = shrinking(k);
      const gain = Math.sqrt(to) * (1 - shrunk);
      const kept = Math.sqrt((1 - to) / (1 - from));
      if (order === 1 || !before || k >= steps - final_first_order) x = combine(kept, x, gain, x0);
      else {
        const slope = Math.log(shrunk) / (2 * Math.log(shrinking(k - 1)));
        x = combine(kept, x, gain * (1 + slope), x0, -gain * slope, before);
      }
      before = x0;
      evaluated(k + 1);
      stands?.({ step: k + 1, x, before });
    }
    return x;
  },
};
