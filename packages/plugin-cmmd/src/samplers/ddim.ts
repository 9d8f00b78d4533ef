import type { SamplerBody } from "@cmmd/core";
import { combine } from "./combine.js";
import type { DdimOptions } from "./options.js";
import { uniformTimes } from "./times.js";

/**
 * DDIM (Song et al. 2021, eq. 12): x_m = sqrt(alphaBar_m) x0 + sqrt(1 - alphaBar_m - sigma^2) eps + sigma z. Ends at alphaBar_0 = 1,
 * so that the last step gives the last x0. eta 0 is deterministic, 1 is ancestral.
 */
export const body: SamplerBody<DdimOptions> = {
  evaluations: ({ steps }) => steps,
  async sample({ steps, eta }, predict, start, { schedule, noise, evaluated, from: stood, stands, signal }) {
    const times = uniformTimes(schedule.steps, steps);
    let x = stood?.x ?? start;
    for (let k = stood?.step ?? 0; k < steps; k++) {
      signal.throwIfAborted();
      const { x0, eps } = await predict(x, times[k]!);
      const from = schedule.alphaBar(times[k]!);
      const to = schedule.alphaBar(times[k + 1]!);
      const sigma = eta * Math.sqrt(((1 - to) / (1 - from)) * (1 - from / to));
      const direction = Math.sqrt(Math.max(1 - to - sigma * sigma, 0));
      x = combine(Math.sqrt(to), x0, direction, eps, sigma, sigma > 0 ? noise(k) : undefined);
      evaluated(k + 1);
      stands?.({ step: k + 1, x });
    }
    return x;
  },
};
