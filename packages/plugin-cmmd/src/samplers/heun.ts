import type { SamplerBody, Schedule } from "@cmmd/core";
import { combine } from "./combine.js";
import type { HeunOptions } from "./options.js";
import { sigmaAt, timesOf } from "./times.js";

/** The noise levels that a schedule allows of those asked for. */
export function range(schedule: Schedule, { sigma_min, sigma_max }: HeunOptions): { low: number; high: number } {
  const [lowest, highest] = [sigmaAt(schedule, 1), sigmaAt(schedule, schedule.steps)];
  const within = (sigma: number) => Math.min(Math.max(sigma, lowest), highest);
  return { low: within(sigma_min), high: within(sigma_max) };
}

/** Karras et al. (2022), eq. 5: equal distances of sigma^(1 / rho). */
function levels({ steps, rho }: HeunOptions, { low, high }: { readonly low: number; readonly high: number }): number[] {
  const [a, b] = [high ** (1 / rho), low ** (1 / rho)];
  return Array.from({ length: steps }, (_, k) => (a + ((b - a) * k) / Math.max(steps - 1, 1)) ** rho);
}

/**
 * Heun's second-order method on the probability flow (Karras et al. 2022, algorithm 1): dy / dsigma = (y - x0) / sigma for y = x / sqrt(alphaBar).
 * Each step averages the slopes at both of its ends; the last one goes to sigma 0, where there is no slope, and takes the first end's alone. It
 * begins at `sigma_max`, where the data is invisible, and not at the schedule's end: that one lies so far out (sigma 20,000 for the cosine
 * schedule) that most levels would be spent on pure noise.
 */
export const body: SamplerBody<HeunOptions> = {
  evaluations: ({ steps }) => 2 * steps - 1,
  async sample(options, predict, start, { schedule, evaluated, from: stood, stands, signal }) {
    const times = timesOf(schedule, levels(options, range(schedule, options)));
    const first = stood?.step ?? 0;
    let x = stood?.x ?? start;
    let done = 2 * first;
    const x0At = async (at: typeof x, n: number) => {
      signal.throwIfAborted();
      const { x0 } = await predict(at, n);
      evaluated(++done);
      return x0;
    };
    for (let k = first; k < options.steps; k++) {
      const [n, m] = [times[k]!, times[k + 1]!];
      const [from, to] = [sigmaAt(schedule, n), sigmaAt(schedule, m)];
      const scale = Math.sqrt(schedule.alphaBar(m));
      const kept = (scale / Math.sqrt(schedule.alphaBar(n))) * (to / from);
      const fall = scale * (1 - to / from);
      const x0 = await x0At(x, n);
      const euler = combine(kept, x, fall, x0);
      if (m === 0) return euler;
      // Both slopes' mean, with the Euler step's own formula put in: half of `fall` moves to the second estimate, by from / to.
      const second = (fall * from) / (2 * to);
      x = combine(kept, x, fall - second, x0, second, await x0At(euler, m));
      stands?.({ step: k + 1, x });
    }
    return x;
  },
};
