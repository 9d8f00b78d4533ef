import { type Static, Type } from "@sinclair/typebox";

export const griffinLimOptions = Type.Object(
  {
    iterations: Type.Integer({ minimum: 0, maximum: 10_000, default: 60 }),
    momentum: Type.Number({ minimum: 0, maximum: 2, default: 0.99, description: "0: the original algorithm." }),
  },
  { additionalProperties: false },
);
export type GriffinLimOptions = Static<typeof griffinLimOptions>;
