import { useOf } from "@cmmd/core";
import { type Static, Type } from "@sinclair/typebox";

const share = (modality: string) =>
  Type.Number({ default: 1, minimum: 0, description: `Factor on the mean square error of the ${modality}.` });
const weights = Type.Object(
  { video: share("video"), audio: share("audio") },
  { default: {}, description: "How much each modality counts." },
);

const weighting = Type.Union(
  [
    Type.Literal("none"),
    Type.Literal("v"),
    Type.Literal("epsilon"),
    Type.Literal("x0"),
    Type.Object({
      min_snr: Type.Number({ exclusiveMinimum: 0, description: "Gamma: the largest weight of x0's error; usually 5." }),
    }),
  ],
  {
    default: "none",
    description:
      "How much each diffusion step counts: as the error of what the network predicts has it (none), as that of v, epsilon or x0 would (Eq. 3), or by min-SNR, e.g. { min_snr: 5 }.",
  },
);
export type Weighting = Static<typeof weighting>;

export const diffusionOptions = Type.Object({ weights, weighting });
export type DiffusionOptions = Static<typeof diffusionOptions>;

const shifts = [{ use: "temporal-shift", frames: [2, 4] }];

/** With it the optimum moves by less than 5e-4 on a joint Gaussian of correlation 0.9. */
export const recommendedEta = 5e-5;

const negativeTerms = {
  eta: Type.Number({
    default: recommendedEta,
    minimum: 0,
    description: "Weight of the negative terms; 5e-5 is recommended.",
  }),
  batch: Type.Integer({ default: 2, minimum: 1, description: "Clips of each batch that get negatives." }),
  weighting,
  runaway: Type.Number({
    default: 25,
    exclusiveMinimum: 1,
    description:
      "Training stops when a modality's error on negatives is this many times the mean square of what it should be; a network that predicts 0 has 1.",
  }),
};

export const contrastiveOptions = Type.Object({
  ...negativeTerms,
  weights,
  negatives: Type.Object(
    {
      audio: Type.Optional(Type.Array(useOf("negatives"), { description: "Sounds that do not belong to the video." })),
      video: Type.Optional(Type.Array(useOf("negatives"), { description: "Videos that do not belong to the sound." })),
    },
    {
      default: { audio: shifts, video: shifts },
      description: "Mixtures of negatives; an entry's `weight` is its share.",
    },
  ),
});
export type ContrastiveOptions = Static<typeof contrastiveOptions>;

export const cdcdOptions = Type.Object({
  ...negativeTerms,
  modality: Type.Union([Type.Literal("audio"), Type.Literal("video")], {
    default: "audio",
    description: "The modality that is generated, and that has negatives; the other one is its condition.",
  }),
  count: Type.Integer({ default: 1, minimum: 1, description: "Negatives of each clip; their errors are summed." }),
  negatives: Type.Array(useOf("negatives"), {
    default: shifts,
    minItems: 1,
    description: "Mixture of negatives; an entry's `weight` is its share.",
  }),
});
export type CdcdOptions = Static<typeof cdcdOptions>;
