/** A discrete noise schedule. x_n = sqrt(alphaBar(n)) x_0 + sqrt(1 - alphaBar(n)) eps, n = 0 (clean) to `steps` (noise). */
export interface Schedule {
  readonly steps: number;
  /** Cumulative product of 1 - beta; alphaBar(0) = 1. The paper's alpha_n. */
  alphaBar(n: number): number;
}

function fromBetas(betas: Float64Array): Schedule {
  const table = new Float64Array(betas.length + 1);
  table[0] = 1;
  betas.forEach((beta, i) => {
    table[i + 1] = table[i]! * (1 - beta);
  });
  return { steps: betas.length, alphaBar: (n) => table[n]! };
}

/** Cosine schedule (Nichol and Dhariwal 2021, eq. 17), beta clipped at 0.999, which binds at the last step only. */
export function cosineSchedule(steps: number): Schedule {
  const f = (n: number) => Math.cos(((n / steps + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
  return fromBetas(Float64Array.from({ length: steps }, (_, i) => Math.min(1 - f(i + 1) / f(i), 0.999)));
}

/** Linear schedule (Ho et al. 2020): beta from 1e-4 to 0.02, scaled for `steps` other than 1000. */
export function linearSchedule(steps: number): Schedule {
  const scale = 1000 / steps;
  const first = 1e-4 * scale;
  const last = 0.02 * scale;
  return fromBetas(
    Float64Array.from({ length: steps }, (_, i) =>
      Math.min(first + ((last - first) * i) / Math.max(steps - 1, 1), 0.999),
    ),
  );
}

export const schedules = { cosine: cosineSchedule, linear: linearSchedule };
