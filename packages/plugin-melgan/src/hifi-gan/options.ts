import { type Static, Type } from "@sinclair/typebox";

export const hifiGanOptions = Type.Object(
  {
    weights: Type.String({
      minLength: 1,
      description:
        "A folder of `model.safetensors` and `config.json` as `cmmd import --vocoder hifi-gan` writes them, or hf://owner/repo[@revision].",
    }),
  },
  { additionalProperties: false },
);
export type HifiGanOptions = Static<typeof hifiGanOptions>;
