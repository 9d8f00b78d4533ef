import type { Kind } from "../plugin/plugin.js";

/** A `use:` entry after validation: the component that it names and its options, defaults filled in. Plain JSON. */
export interface Used {
  readonly kind: Kind;
  readonly use: string;
  /** Name of the plugin that provides the component. */
  readonly plugin: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export type Task = "v2a" | "a2v" | "joint" | "extend" | "inpaint";
export type Device = "cpu" | "webgpu" | "cuda";

/** How programs are computed, besides the device: part of the keys of the stages that run them. */
export interface Computing {
  /** Default float32. `mixed`: products in float16 and a scaled loss. */
  readonly precision: "float32" | "mixed";
  /** Default onnx. */
  readonly engine: "onnx" | "tfjs";
  /** Of engine tfjs, and only then. Default tensorflow. */
  readonly backend?: "tensorflow" | "wasm" | "cpu";
}

/** One entry of `generate:`. */
export interface Generation {
  /** Unique; the task's name unless given. */
  readonly name: string;
  readonly task: Task;
  /** Clips to generate, taken from `split`. Default 8. */
  readonly count: number;
  /** Default "test". */
  readonly split: "train" | "validation" | "test";
  /** Video frames; the training clip's length when absent. */
  readonly frames?: number;
  /** Video frames per network evaluation: a longer clip is made of windows of this length that overlap. */
  readonly window?: number;
  /** Of the task `extend`, and only then: frames of both modalities from the beginning that are known. */
  readonly known?: number;
  /** Of the task `inpaint`, and only then: seconds from and to which `fill` is made anew. */
  readonly span?: readonly [number, number];
  readonly fill?: "both" | "video" | "audio";
  /** Which weights: the moving average (default), the raw ones, or the untrained initialisation as a baseline. */
  readonly weights: "ema" | "model" | "initial";
  readonly sampler: Used;
  /** Absent for `joint`. */
  readonly guidance?: Used;
  readonly vocoder: Used;
  /** Clips per network evaluation. Default 4. */
  readonly batch: number;
}

/** A pipeline with `extends`, environment, overrides and defaults applied and every component resolved. Plain JSON. */
export interface ResolvedPipeline extends Computing {
  readonly cmmd: 1;
  readonly name: string;
  /** Absolute path of the pipeline file. Never part of a key. */
  readonly path: string;
  /** Import specifiers of the YAML's `plugins:`, resolved: package names or absolute paths of local files. */
  readonly plugins: readonly string[];
  readonly seed: number;
  /** Never part of a key by itself: `auto` is resolved before keys are made. */
  readonly device: "auto" | Device;
  readonly data: Used & {
    /** Video frames per clip, and from one clip's start to the next; `context`: frames of real context kept on each side for negatives (default 4). */
    readonly clip: { readonly frames: number; readonly every: number; readonly context: number };
    /** Rejected clips tolerated, as a fraction. Default 0.1. */
    readonly max_rejected: number;
  };
  readonly prepare: {
    /** Default { use: ffmpeg }. */
    readonly codec: Used;
    readonly video: readonly Used[];
    /** Filters, then exactly one transform of modality "features". */
    readonly audio: readonly Used[];
  };
  readonly latents: Used;
  readonly model: Used;
  readonly diffusion: {
    readonly schedule: "cosine" | "linear";
    readonly steps: number;
    readonly predict: "v" | "epsilon" | "x0";
    /** Factors on the latents and the normalised features before noise is added. */
    readonly scale: { readonly video: number; readonly audio: number };
  };
  readonly train: {
    readonly steps: number;
    readonly batch: number;
    /** `rate` is the learning rate. `warmup`: steps of linear rise (default 0). */
    readonly optimizer: {
      readonly use: "adam";
      readonly rate: number;
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly warmup: number;
      readonly decay?: { readonly factor: number; readonly every: number; readonly floor: number };
      /** The largest norm of the whole gradient. */
      readonly clip?: number;
    };
    /** Decay of the exponential moving average of the weights; 0 turns it off. Default 0.999. */
    readonly ema: number;
    /** Losses in force from step `from` (default 0) until step `until`. `from` and `until` are not among `options`. */
    readonly losses: readonly (Used & { readonly from: number; readonly until?: number })[];
    /** Steps between logged losses. Default 10. */
    readonly log_every: number;
    /** Parts that a batch is computed in; divides `batch`. Default 1. */
    readonly accumulate: number;
    /** A pipeline of the store or a path, with `@step` at its end or not. In the key by its content. */
    readonly from?: string;
    /** Takes the weights of `from` alone. Default false. */
    readonly reset: boolean;
    /** Seconds (default 60) and steps between checkpoints, how many are kept (default 1), and which for good: only these are in the key. */
    readonly checkpoints: {
      readonly every_seconds: number;
      readonly every_steps?: number;
      readonly last: number;
      readonly keep_every?: number;
    };
    readonly validate?: { readonly every: number; readonly clips: number };
    /** What is generated every so many steps. */
    readonly samples?: Generation & { readonly every: number };
  };
  readonly generate: readonly Generation[];
  /** Metrics, each for every generation group whose task it applies to. */
  readonly evaluate: readonly Used[];
  readonly report: Used;
}
