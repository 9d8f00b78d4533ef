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
  fusion: Type.Union([Type.Literal("easy"), Type.Literal("cross-attention"), Type.Literal("none")], {
    default: "easy",
    description:
      "How the modalities see each other: the paper's easy fusion (Eq. 6), each by attention to the other around the same time, or not at all.",
  }),
  fusion_levels: Type.Optional(
    Type.Array(Type.Union([Type.Integer({ minimum: 0 }), Type.Literal("middle")]), {
      description: "Levels with fusion, 0 the finest, and `middle`; everywhere when absent.",
    }),
  ),
  encoder_blocks: Type.Optional(
    Type.Integer({ minimum: 1, description: "Blocks of each level on the way down; 1 when absent." }),
  ),
  middle_blocks: Type.Optional(
    Type.Integer({ minimum: 0, description: "Blocks between the way down and the way up; 2 when absent." }),
  ),
  decoder_blocks: Type.Optional(
    Type.Integer({
      minimum: 1,
      description:
        "Blocks of each level on the way up; 2 when absent. One more than `encoder_blocks` uses every skip connection.",
    }),
  ),
  checkpoint: Type.Optional(
    Type.Boolean({
      description:
        "Compute each module again in the backward pass instead of keeping what it computed: less memory, more time, the same gradients. Off when absent.",
    }),
  ),
});

export type UnetOptions = Static<typeof unetOptions>;
