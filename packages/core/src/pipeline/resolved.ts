import { CmmdError } from "../errors.js";
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
  /** Clips to generate, taken from `split`; when absent 8 (of `train.samples` 2), or all where there are fewer. */
  readonly count?: number;
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

/** What every pipeline has. */
interface PipelineHead extends Computing {
  readonly cmmd: 1;
  readonly name: string;
  /** Absolute path of the pipeline file. Never part of a key. */
  readonly path: string;
  /** Import specifiers of the YAML's `plugins:`, resolved: package names or absolute paths of local files. */
  readonly plugins: readonly string[];
  readonly seed: number;
  /** Never part of a key by itself: `auto` is resolved before keys are made. */
  readonly device: "auto" | Device;
  readonly report: Used;
}

/** What every training has. */
interface TrainingHead {
  readonly steps: number;
  readonly batch: number;
  /** Parts that a batch is computed in; divides `batch`. Default 1. */
  readonly accumulate: number;
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
  /** Steps between logged losses. Default 10. */
  readonly log_every: number;
  /** Steps that the device takes in one run, with the same result: not in the key. Default auto. */
  readonly steps_per_run: "auto" | number;
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
}

/**
 * A pipeline of a diffusion model with `extends`, environment, overrides and defaults applied and every component resolved. Plain JSON.
 */
export interface ResolvedPipeline extends PipelineHead {
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
    /** What stays of the clips once they are encoded; not in the key. Default all. */
    readonly keep: "all" | "latents";
    /** Megabytes (10^6 bytes) of clips per shard. Default 256. */
    readonly shard_mb: number;
    /** Files decoded at once; not in the key. By the number of cores when absent. */
    readonly parallel?: number;
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
  readonly train: TrainingHead & {
    /** Losses in force from step `from` (default 0) until step `until`. `from` and `until` are not among `options`. */
    readonly losses: readonly (Used & { readonly from: number; readonly until?: number })[];
    /** What is generated every so many steps. */
    readonly samples?: Generation & { readonly every: number };
  };
  readonly generate: readonly Generation[];
  /** Metrics, each for every generation group whose task it applies to. */
  readonly evaluate: readonly Used[];
}

/** The same of a pipeline that trains a vocoder. */
export interface VocoderPipeline extends PipelineHead {
  readonly data: Used & {
    /** Samples per clip, and from one clip's start to the next. */
    readonly clip: { readonly samples: number; readonly every: number };
    readonly max_rejected: number;
  };
  readonly prepare: { readonly codec: Used; readonly audio: readonly Used[] };
  readonly vocoder: Used;
  readonly train: TrainingHead & {
    /** Samples that are learnt from at once; at most a clip's. */
    readonly segment: number;
    readonly augment: "none" | "biquad";
    /** Weights; 0 leaves a loss out. */
    readonly losses: Readonly<Record<VocoderLoss, number>>;
    /** First step at which the discriminators are in force. */
    readonly adversarial_from: number;
    /** What is copied every so many steps. */
    readonly samples?: {
      readonly every: number;
      readonly count: number;
      readonly split: "train" | "validation" | "test";
    };
  };
  /** Clips that the trained vocoder copies, and the vocoder that it is compared with. */
  readonly copy?: {
    readonly split: "train" | "validation" | "test";
    readonly count: number;
    readonly control: Used;
  };
  /** Metrics of the copies. */
  readonly evaluate: readonly Used[];
}

type VocoderLoss = "adversarial" | "feature_matching" | "mel" | "stft";

export type AnyPipeline = ResolvedPipeline | VocoderPipeline;

export const trainsVocoder = (pipeline: AnyPipeline): pipeline is VocoderPipeline => "vocoder" in pipeline;

/** The pipeline, when it has a diffusion model, as `what` needs; throws CMMD594 when it trains a vocoder. */
export function diffusionPipeline(pipeline: AnyPipeline, what: string): ResolvedPipeline {
  if (!trainsVocoder(pipeline)) return pipeline;
  throw new CmmdError(
    "CMMD594",
    `the pipeline "${pipeline.name}" trains a vocoder: ${what} is of pipelines with a model`,
    {
      hint: "Name a pipeline with latents, a model and a generation.",
      exitCode: 2,
    },
  );
}
