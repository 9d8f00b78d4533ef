import { type Static, Type } from "@sinclair/typebox";

export const frechetLogMelOptions = Type.Object(
  {
    splits: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: 10,
      description: "Random halves of the reference clips that the control is averaged over.",
    }),
  },
  { additionalProperties: false },
);
export type FrechetLogMelOptions = Static<typeof frechetLogMelOptions>;
