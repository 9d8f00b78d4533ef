import { type Static, type TSchema, Type } from "@sinclair/typebox";
import type { Kind } from "../plugin/plugin.js";
import type { Path } from "./tree.js";
import { markedKind, useOf } from "./use.js";

/** One of a few words; errors list them and editors complete them. */
function oneOf<const T extends readonly string[]>(words: T, options: { description: string; default?: T[number] }) {
  return Type.Union(
    words.map((word) => Type.Literal(word as T[number])) as [ReturnType<typeof Type.Literal<T[number]>>],
    {
      ...options,
    },
  );
}

const fileName = {
  title: 'text of letters, digits, ".", "_" and "-"',
  pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$",
  maxLength: 80,
};

const optimizer = Type.Object(
  {
    use: oneOf(["adam"], { default: "adam", description: "The optimiser." }),
    rate: Type.Number({ default: 1e-4, exclusiveMinimum: 0, description: "Learning rate." }),
    beta1: Type.Number({ default: 0.9, minimum: 0, exclusiveMaximum: 1, description: "Decay of the first moment." }),
    beta2: Type.Number({ default: 0.999, minimum: 0, exclusiveMaximum: 1, description: "Decay of the second moment." }),
    epsilon: Type.Number({
      default: 1e-8,
      exclusiveMinimum: 0,
      description: "Added to the root of the second moment.",
    }),
    warmup: Type.Integer({ default: 0, minimum: 0, description: "Steps in which the rate rises linearly from 0." }),
    decay: Type.Optional(
      Type.Object(
        {
          factor: Type.Number({ exclusiveMinimum: 0, maximum: 1, description: "What the rate is multiplied with." }),
          every: Type.Integer({ minimum: 1, description: "Steps between decays." }),
          floor: Type.Number({ default: 0, minimum: 0, description: "The rate never goes below this." }),
        },
        { description: "Stepwise decay of the learning rate." },
      ),
    ),
    clip: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: "Longer gradients, over all weights, are scaled down to this norm.",
      }),
    ),
  },
  { default: {}, description: "How weights are updated." },
);

const generation = Type.Object(
  {
    name: Type.Optional(Type.String({ ...fileName, description: "Unique; the task's name when absent." })),
    task: oneOf(["v2a", "a2v", "joint", "extend", "inpaint"], {
      description:
        "Sound for a video (v2a), video for a sound (a2v), both without a condition (joint), how a clip goes on after its first `known` frames (extend), or what happens in a `span` of a clip (inpaint).",
    }),
    count: Type.Integer({ default: 8, minimum: 1, description: "Clips to generate." }),
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
  cmmd: Type.Literal(1, { description: "Version of the pipeline language." }),
  name: Type.String({ ...fileName, description: "Name of the pipeline in the store; the file's name when absent." }),
  extends: Type.Optional(Type.String({ description: "A pipeline file to inherit from, relative to this one." })),
  plugins: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    description: "Plugins beside the built-in ones: npm packages, or paths of local .ts or .js files.",
  }),
  seed: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 2 ** 32 - 1,
    description: "The same seed gives the same result.",
  }),
  device: oneOf(["auto", "cpu", "webgpu", "cuda"], { default: "auto", description: "Where to compute." }),
  precision: oneOf(["float32", "mixed"], {
    default: "float32",
    description: "`mixed` computes products in float16, on GPUs that have it, and scales the loss.",
  }),
  engine: oneOf(["onnx", "tfjs"], {
    default: "onnx",
    description: "`onnx` compiles; `tfjs` runs the same functions one operation after the other on TensorFlow.js.",
  }),
  backend: Type.Optional(
    oneOf(["tensorflow", "wasm", "cpu"], {
      description: "TensorFlow.js's backend, of engine tfjs: tensorflow when absent.",
    }),
  ),
  data: useOf("datasets", { description: "The recordings, and how clips are cut out of them." }),
  prepare: Type.Object(
    {
      codec: useOf("codecs", { default: { use: "ffmpeg" }, description: "Reads and writes media files." }),
      video: Type.Array(useOf("transforms"), { default: [], description: "Filters of the picture, in order." }),
      audio: Type.Array(useOf("transforms"), {
        description: "Filters of the sound, in order, and last the transform that makes features of it.",
      }),
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
      optimizer,
      ema: Type.Number({
        default: 0.999,
        minimum: 0,
        exclusiveMaximum: 1,
        description: "Decay of the moving average of the weights; 0 turns it off.",
      }),
      losses: Type.Array(useOf("losses"), { minItems: 1, description: "What is minimised: the sum of these." }),
      log_every: Type.Integer({ default: 10, minimum: 1, description: "Steps between logged losses." }),
      accumulate: Type.Integer({
        default: 1,
        minimum: 1,
        description:
          "Parts that each batch is computed in, one after the other: less memory, the same step. `batch` is a multiple of it.",
      }),
      from: Type.Optional(
        Type.String({
          minLength: 1,
          description:
            "Weights to go on from: a pipeline of the store (its newest training, finished or not), or a folder or safetensors file; `@STEP` at its end names a checkpoint. Goes on at its step, with its optimiser's moments, where it has them.",
        }),
      ),
      reset: Type.Boolean({
        default: false,
        description:
          "Takes only the weights of `from`: training begins at step 0 with a fresh optimiser and moving average.",
      }),
      checkpoints: Type.Object(
        {
          every_seconds: Type.Number({ default: 60, exclusiveMinimum: 0, description: "Seconds between checkpoints." }),
          every_steps: Type.Optional(Type.Integer({ minimum: 1, description: "Writes one every so many steps, too." })),
          last: Type.Integer({
            default: 1,
            minimum: 1,
            description: "How many of the newest are kept until training has finished.",
          }),
          keep_every: Type.Optional(
            Type.Integer({ minimum: 1, description: "Those of every so many steps are kept for good." }),
          ),
        },
        { default: {}, description: "When the state of training is written, and what stays of it." },
      ),
      validate: Type.Optional(
        Type.Object(
          {
            every: Type.Integer({ minimum: 1, description: "Steps between validations." }),
            clips: Type.Integer({
              default: 16,
              minimum: 1,
              description: "Clips of the split validation, or of test when there is none.",
            }),
          },
          {
            description:
              "The losses over clips that are not trained on, with the averaged weights and the same noise every time.",
          },
        ),
      ),
      samples: Type.Optional(
        Type.Object(
          {
            every: Type.Integer({ minimum: 1, description: "Steps between samples." }),
            count: Type.Integer({
              default: 2,
              minimum: 1,
              description: "Clips to generate, from the same noise every time.",
            }),
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

/** Kind of the component named at `path` of a pipeline file, outside of components' own options. */
export function kindAt(path: Path): Kind | undefined {
  let schema: TSchema | undefined = frame;
  for (const step of path) {
    // A single generation may stand without its list.
    const list: boolean = schema?.type === "array";
    if (list) schema = schema?.items as TSchema | undefined;
    if (list && /^\d+$/.test(String(step))) continue;
    const properties = schema?.properties as Readonly<Record<string, TSchema>> | undefined;
    schema = properties && Object.hasOwn(properties, step) ? properties[step] : undefined;
  }
  return schema && markedKind(schema);
}
