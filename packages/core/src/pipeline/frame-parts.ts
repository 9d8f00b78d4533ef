import { Type } from "@sinclair/typebox";

/** One of a few words; errors list them and editors complete them. */
export function oneOf<const T extends readonly string[]>(
  words: T,
  options: { description: string; default?: T[number] },
) {
  return Type.Union(
    words.map((word) => Type.Literal(word as T[number])) as [ReturnType<typeof Type.Literal<T[number]>>],
    {
      ...options,
    },
  );
}

export const fileName = {
  title: 'text of letters, digits, ".", "_" and "-"',
  pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$",
  maxLength: 80,
};

/** What every pipeline file begins with. */
export const headKeys = {
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
};

interface AdamDefaults {
  readonly beta1: number;
  readonly beta2: number;
}

/** `train.optimizer`, with the defaults that suit what is trained. */
export const optimizerOf = ({ beta1, beta2 }: AdamDefaults) =>
  Type.Object(
    {
      use: oneOf(["adam"], { default: "adam", description: "The optimiser." }),
      rate: Type.Number({ default: 1e-4, exclusiveMinimum: 0, description: "Learning rate." }),
      beta1: Type.Number({
        default: beta1,
        minimum: 0,
        exclusiveMaximum: 1,
        description: "Decay of the first moment.",
      }),
      beta2: Type.Number({
        default: beta2,
        minimum: 0,
        exclusiveMaximum: 1,
        description: "Decay of the second moment.",
      }),
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

/** What `train` says of every training: where it begins and what is kept of it. */
export const trainingKeys = {
  accumulate: Type.Integer({
    default: 1,
    minimum: 1,
    description:
      "Parts that each batch is computed in, one after the other: less memory, the same step. `batch` is a multiple of it.",
  }),
  log_every: Type.Integer({ default: 10, minimum: 1, description: "Steps between logged losses." }),
  steps_per_run: Type.Union([Type.Literal("auto"), Type.Integer({ minimum: 1, maximum: 1024 })], {
    default: "auto",
    description:
      "Steps that the device takes in one run, with the same result; `auto` is 16 on `cuda`, which copies the whole state from and to the host with every run, and 1 elsewhere. A run ends early where something is done with the state; it holds the batches of all its steps, and is not interrupted.",
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
};

/** Scalars over clips that are not trained on, every so many steps. */
export const validationOf = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        every: Type.Integer({ minimum: 1, description: "Steps between validations." }),
        clips: Type.Integer({
          default: 16,
          minimum: 1,
          description: "Clips of the split validation, or of test when there is none.",
        }),
      },
      { description },
    ),
  );
