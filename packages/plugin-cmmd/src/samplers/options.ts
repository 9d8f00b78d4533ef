import { type Static, Type } from "@sinclair/typebox";

const steps = (count: number, description: string) => Type.Integer({ default: count, minimum: 1, description });
const evaluations = "Network evaluations per clip.";

export const ddimOptions = Type.Object({
  steps: steps(200, evaluations),
  eta: Type.Number({
    default: 0,
    minimum: 0,
    maximum: 1,
    description: "Fresh noise per step: 0 deterministic, 1 ancestral.",
  }),
});
export type DdimOptions = Static<typeof ddimOptions>;

export const ddpmOptions = Type.Object({
  steps: steps(1000, evaluations),
  variance: Type.Union([Type.Literal("small"), Type.Literal("large")], {
    default: "small",
    description: "Of the fresh noise: the posterior's (small), or the forward process's beta (large).",
  }),
});
export type DdpmOptions = Static<typeof ddpmOptions>;

export const dpmSolverOptions = Type.Object({
  steps: steps(20, evaluations),
  order: Type.Union([Type.Literal(1), Type.Literal(2)], {
    default: 2,
    description: "2: each step uses the estimate before it as well; 1 is DDIM.",
  }),
  final_first_order: Type.Integer({
    default: 1,
    minimum: 1,
    description: "Last steps computed in first order, which is stable; the very last one always is.",
  }),
  spacing: Type.Union([Type.Literal("uniform"), Type.Literal("log-snr")], {
    default: "uniform",
    description: "Equal distances in diffusion steps, or in the logarithm of the signal-to-noise ratio.",
  }),
});
export type DpmSolverOptions = Static<typeof dpmSolverOptions>;

export const heunOptions = Type.Object({
  steps: steps(18, "Noise levels; each takes two network evaluations, the last one."),
  rho: Type.Number({ default: 7, exclusiveMinimum: 0, description: "The larger, the closer the levels at low noise." }),
  sigma_min: Type.Number({
    default: 0.002,
    minimum: 0,
    description: "Lowest noise level, as noise per signal; at least the schedule's.",
  }),
  sigma_max: Type.Number({
    default: 80,
    exclusiveMinimum: 0,
    description: "Highest noise level, as noise per signal; at most the schedule's.",
  }),
});
export type HeunOptions = Static<typeof heunOptions>;
