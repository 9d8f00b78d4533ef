import { type Static, Type } from "@sinclair/typebox";
import { fileName, headKeys, oneOf, optimizerOf, trainingKeys, validationOf } from "./frame-parts.js";
import { useOf } from "./use.js";

const generation = Type.Object(
  {
    name: Type.Optional(Type.String({ ...fileName, description: "Unique; the task's name when absent." })),
    task: oneOf(["v2a", "a2v", "joint", "extend", "inpaint"], {
      description:
        "Sound for a video (v2a), video for a sound (a2v), both without a condition (joint), how a clip goes on after its first `known` frames (extend), or what happens in a `span` of a clip (inpaint).",
    }),
    count: Type.Optional(
      Type.Integer({ minimum: 1, description: "Clips to generate; when absent 8, or all where there are fewer." }),
    ),
    split: oneOf(["train", "validation", "test"], { default: "test", description: "Where the conditions come from." }),
    frames: Type.Optional(Type.Integer({ minimum: 1, description: "Video frames; the training clip's when absent." })),
    window: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "Video frames per network evaluation: a longer clip is made of windows that overlap. When absent, clips of up to twice the training length are made in one piece, longer ones in windows of the training length.",
      }),
    ),
    known: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "Of `extend`: frames, from the beginning, of which both modalities are known.",
      }),
    ),
    span: Type.Optional(
      Type.Array(Type.Number({ minimum: 0 }), {
        minItems: 2,
        maxItems: 2,
        description: "Of `inpaint`: the second from which and the second up to which the clip is made anew.",
      }),
    ),
    fill: Type.Optional(
      oneOf(["both", "video", "audio"], {
        description: "Of `inpaint`: what is made anew within `span`; both when absent.",
      }),
    ),
    weights: Type.Optional(
      oneOf(["ema", "model", "initial"], {
        description: "The moving average (default), the raw weights, or the untrained initialisation as a baseline.",
      }),
    ),
    sampler: useOf("samplers", { default: { use: "ddim" }, description: "How noise becomes a clip." }),
    guidance: Type.Optional(
      useOf("guidances", { description: "How the known modality steers the other; `reconstruction` when absent." }),
    ),
    vocoder: useOf("vocoders", { default: { use: "griffin-lim" }, description: "Makes sound of the features." }),
    batch: Type.Integer({ default: 4, minimum: 1, description: "Clips per network evaluation." }),
  },
  { description: "A group of clips to generate." },
);

/** The pipeline file as it is written, apart from the components' options; `generate` after wrapping a single entry in a list. */
export const frame = Type.Object({
  ...headKeys,
  data: useOf("datasets", { description: "The recordings, and how clips are cut out of them." }),
  prepare: Type.Object(
    {
      codec: useOf("codecs", { default: { use: "ffmpeg" }, description: "Reads and writes media files." }),
      video: Type.Array(useOf("transforms"), { default: [], description: "Filters of the picture, in order." }),
      audio: Type.Array(useOf("transforms"), {
        description: "Filters of the sound, in order, and last the transform that makes features of it.",
      }),
      normalise: Type.Optional(
        useOf("transforms", {
          description: "A filter of the sound after all others of `audio`, right before its features, e.g. loudness.",
        }),
      ),
      keep: oneOf(["all", "latents"], {
        default: "all",
        description:
          "What stays of the clips once they are encoded: with `latents`, their pictures are dropped, and decoded again from the recordings where they are needed (real clips beside generated ones, another autoencoder).",
      }),
      shard_mb: Type.Integer({
        default: 256,
        minimum: 1,
        maximum: 4096,
        description: "Megabytes of clips that are written to one pair of files, which is what a killed run may lose.",
      }),
      parallel: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 64,
          description:
            "Files that are decoded at once, each on one core with some 100 MB of memory at 1080p and 270 at 4K; when absent, as many as there are cores, at most 4, and fewer where the pictures are so large that a gigabyte would not do. The clips do not depend on it.",
        }),
      ),
    },
    { description: "From recordings to clips of frames and features." },
  ),
  latents: useOf("autoencoders", { description: "The autoencoder between frames and latents." }),
  model: useOf("models", { description: "The network." }),
  diffusion: Type.Object(
    {
      schedule: oneOf(["cosine", "linear"], { default: "cosine", description: "The noise schedule." }),
      steps: Type.Integer({ default: 1000, minimum: 1, description: "Diffusion steps." }),
      predict: oneOf(["v", "epsilon", "x0"], { default: "v", description: "What the network predicts." }),
      scale: Type.Object(
        {
          video: Type.Number({ default: 1, exclusiveMinimum: 0, description: "Of the latents." }),
          audio: Type.Number({ default: 1, exclusiveMinimum: 0, description: "Of the normalised features." }),
        },
        {
          default: {},
          description:
            "Factors on the data before noise is added (Chen 2023): the larger, the longer a modality stays visible in the noise.",
        },
      ),
    },
    { default: {}, description: "The diffusion process." },
  ),
  train: Type.Object(
    {
      steps: Type.Integer({ minimum: 1, description: "Training steps." }),
      batch: Type.Integer({ minimum: 1, description: "Clips per step." }),
      optimizer: optimizerOf({ beta1: 0.9, beta2: 0.999 }),
      ema: Type.Number({
        default: 0.999,
        minimum: 0,
        exclusiveMaximum: 1,
        description: "Decay of the moving average of the weights; 0 turns it off.",
      }),
      losses: Type.Array(useOf("losses"), { minItems: 1, description: "What is minimised: the sum of these." }),
      ...trainingKeys,
      validate: validationOf(
        "The losses over clips that are not trained on, with the averaged weights and the same noise every time.",
      ),
      samples: Type.Optional(
        Type.Object(
          {
            every: Type.Integer({ minimum: 1, description: "Steps between samples." }),
            count: Type.Optional(
              Type.Integer({
                minimum: 1,
                description:
                  "Clips to generate, from the same noise every time; when absent 2, or all where there are fewer.",
              }),
            ),
            task: oneOf(["v2a", "a2v", "joint"], { default: "v2a", description: "What is generated." }),
            split: oneOf(["train", "validation", "test"], {
              default: "test",
              description: "Where the conditions come from.",
            }),
            sampler: useOf("samplers", { default: { use: "ddim" }, description: "How noise becomes a clip." }),
            guidance: Type.Optional(
              useOf("guidances", {
                description: "How the known modality steers the other; `reconstruction` when absent.",
              }),
            ),
            vocoder: useOf("vocoders", {
              default: { use: "griffin-lim" },
              description: "Makes sound of the features.",
            }),
          },
          { description: "Clips (MP4, WAV, spectrogram as PNG) generated while training, with the averaged weights." },
        ),
      ),
    },
    { description: "The training." },
  ),
  generate: Type.Array(generation, { default: [], description: "What to generate with the trained model." }),
  evaluate: Type.Array(useOf("metrics"), { default: [], description: "Metrics of what was generated." }),
  report: useOf("reports", { default: { use: "html" }, description: "How the results are shown." }),
});
export type Frame = Static<typeof frame>;
