import { type Static, type TObject, Type } from "@sinclair/typebox";
import { headKeys, oneOf, optimizerOf, trainingKeys, validationOf } from "./frame-parts.js";
import { besides, useOf } from "./use.js";

const weight = (standard: number, description: string) => Type.Number({ default: standard, minimum: 0, description });

/** A pipeline file that trains a vocoder, apart from the components' options. */
export const vocoderFrame = Type.Object({
  ...headKeys,
  data: useOf("datasets", { description: "The recordings; of films, only the sound is read." }),
  prepare: Type.Object(
    {
      codec: useOf("codecs", { default: { use: "ffmpeg" }, description: "Reads and writes media files." }),
      audio: Type.Array(useOf("transforms"), {
        description:
          "Filters of the sound, in order, and last the transform whose features the vocoder makes sound of.",
      }),
    },
    { description: "From recordings to stretches of sound." },
  ),
  vocoder: useOf("vocoders", { description: "The vocoder that is trained: sound from features." }),
  train: Type.Object(
    {
      steps: Type.Integer({ minimum: 1, description: "Training steps." }),
      batch: Type.Integer({ minimum: 1, description: "Segments per step." }),
      segment: Type.Optional(
        Type.Integer({
          minimum: 1,
          description:
            "Samples that are learnt from at once, drawn from a clip at any place: a multiple of the features' hop; the whole clip when absent.",
        }),
      ),
      augment: oneOf(["none", "biquad"], {
        default: "none",
        description: "`biquad`: a second-order filter of random type, frequency, Q and gain for each segment.",
      }),
      losses: Type.Object(
        {
          adversarial: weight(1, "Of the least-squares adversarial loss."),
          feature_matching: weight(2, "Of the distance between the discriminators' feature maps."),
          mel: weight(10, "Of the distance between the features of both sounds."),
          stft: weight(0, "Of the distance between the spectra of both sounds at several resolutions."),
        },
        { default: {}, description: "Weights of the vocoder's losses; 0 leaves one out." },
      ),
      adversarial_from: Type.Integer({
        default: 0,
        minimum: 0,
        description: "First step at which the discriminators, and the losses that need them, are in force.",
      }),
      optimizer: optimizerOf({ beta1: 0.5, beta2: 0.9 }),
      ema: Type.Number({
        default: 0.999,
        minimum: 0,
        exclusiveMaximum: 1,
        description: "Decay of the moving average of the weights; 0 turns it off.",
      }),
      ...trainingKeys,
      validate: validationOf("Distances between clips that are not trained on and what is made of their features."),
      samples: Type.Optional(
        Type.Object(
          {
            every: Type.Integer({ minimum: 1, description: "Steps between samples." }),
            count: Type.Integer({ default: 2, minimum: 1, description: "Clips to copy." }),
            split: oneOf(["train", "validation", "test"], { default: "test", description: "Where they come from." }),
          },
          {
            description:
              "Copies of clips, made from their features while training with the averaged weights: both sounds (WAV), both spectrograms (PNG).",
          },
        ),
      ),
    },
    { description: "The training." },
  ),
  copy: Type.Optional(
    Type.Object(
      {
        split: oneOf(["train", "validation", "test"], { default: "test", description: "Where the clips come from." }),
        count: Type.Integer({
          default: 32,
          minimum: 1,
          description: "Clips to copy, evenly spread over the split; all where there are fewer.",
        }),
        control: useOf("vocoders", {
          default: { use: "griffin-lim" },
          description: "A vocoder that makes the same copies, to compare with.",
        }),
      },
      { description: "Copies of clips, made from their features by the trained vocoder with the averaged weights." },
    ),
  ),
  evaluate: Type.Array(useOf("metrics"), {
    default: [],
    description: "Metrics of the copies, such as copy-synthesis.",
  }),
  report: useOf("reports", { default: { use: "html" }, description: "How the results are shown." }),
});
export type VocoderFrame = Static<typeof vocoderFrame>;

const clip = Type.Object(
  {
    samples: Type.Integer({ minimum: 1, description: "Samples per clip, at the prepared rate." }),
    every: Type.Optional(
      Type.Integer({ minimum: 1, description: "Samples from one clip's start to the next; `samples` when absent." }),
    ),
  },
  { description: "How recordings are cut into clips. Silence completes a recording that is shorter than one." },
);

/** What a pipeline that trains a vocoder reads beside `use`. */
export const soundBesides = {
  ...besides,
  datasets: Type.Object({ clip, max_rejected: besides.datasets.properties.max_rejected }),
} satisfies Partial<Record<keyof typeof besides, TObject>>;
export type SoundData = Static<(typeof soundBesides)["datasets"]>;
