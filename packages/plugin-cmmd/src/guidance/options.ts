import { Type } from "@sinclair/typebox";

export const replacementOptions = Type.Object({});

export const reconstructionOptions = Type.Object({
  weight: Type.Number({
    default: 2,
    minimum: 0,
    description:
      "Strength against the sum of squared errors; 0 is replacement, 1/2 the Bayesian value for an exact network.",
  }),
});
