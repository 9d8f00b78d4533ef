import { type Static, Type } from "@sinclair/typebox";

/** Options of `cmmd-unet`; the defaults are the paper's network of 105,840,212 parameters (80 mel bins, 4 latent channels). */
export const unetOptions = Type.Object({
  channels: Type.Integer({ default: 128, minimum: 1, description: "Channels of the finest level." }),
  multipliers: Type.Array(Type.Integer({ minimum: 1 }), {
    default: [1, 2, 3, 4],
    minItems: 1,
    description:
      "Channels of each level as multiples of `channels`; each level after the first halves height, width and mel length.",
  }),
  head_dim: Type.Integer({ default: 64, minimum: 1, description: "Channels per attention head." }),
  groups: Type.Integer({ default: 32, minimum: 1, description: "Groups of every group norm." }),
  embedding: Type.Optional(
    Type.Integer({ minimum: 1, description: "Width of the time embedding; 4 times `channels` when absent." }),
  ),
  attention_levels: Type.Optional(
    Type.Array(Type.Integer({ minimum: 0 }), {
      description: "Levels with attention, 0 the finest; all but the finest when absent.",
    }),
  ),
  fusion: Type.Union([Type.Literal("easy"), Type.Literal("none")], {
    default: "easy",
    description: "How the modalities see each other: the paper's easy fusion (Eq. 6), or not at all.",
  }),
  checkpoint: Type.Optional(
    Type.Boolean({
      description:
        "Compute each module again in the backward pass instead of keeping what it computed: less memory, more time, the same gradients. Off when absent.",
    }),
  ),
});

export type UnetOptions = Static<typeof unetOptions>;
