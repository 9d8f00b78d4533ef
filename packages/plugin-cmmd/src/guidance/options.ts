import { Type } from "@sinclair/typebox";

export const replacementOptions = Type.Object({});

export const reconstructionOptions = Type.Object({
  weight: Type.Number({
    default: 2,
    minimum: 0,
    description:
      "Strength against the sum of squared errors; 0 is replacement, 1/2 the Bayesian value for an exact network. About 0.03 with `eps: unguided`.",
  }),
  eps: Type.Union([Type.Literal("implied"), Type.Literal("unguided")], {
    default: "implied",
    description:
      "The noise that a step goes on with: what the guided estimate implies, or, as the paper prints it, the network's own, with which the same weight acts some 55 times as strongly at 200 steps.",
  }),
});
