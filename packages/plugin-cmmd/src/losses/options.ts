import { useOf } from "@cmmd/core";
import { type Static, Type } from "@sinclair/typebox";

const share = (modality: string) =>
  Type.Number({ default: 1, minimum: 0, description: `Factor on the mean square error of the ${modality}.` });

export const diffusionOptions = Type.Object({
  weights: Type.Object(
    { video: share("video"), audio: share("audio") },
    { default: {}, description: "How much each modality counts." },
  ),
});
export type DiffusionOptions = Static<typeof diffusionOptions>;

const shifts = [{ use: "temporal-shift", frames: [2, 4] }];

export const contrastiveOptions = Type.Object({
  eta: Type.Number({ default: 5e-5, minimum: 0, description: "Weight of the negative terms." }),
  batch: Type.Integer({ default: 2, minimum: 1, description: "Clips of each batch that get negatives." }),
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
