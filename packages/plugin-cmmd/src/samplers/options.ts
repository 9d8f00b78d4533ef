import { Type } from "@sinclair/typebox";

export const ddimOptions = Type.Object({
  steps: Type.Integer({ default: 200, minimum: 1, description: "Network evaluations per clip." }),
  eta: Type.Number({
    default: 0,
    minimum: 0,
    maximum: 1,
    description: "Fresh noise per step: 0 deterministic, 1 ancestral.",
  }),
});
