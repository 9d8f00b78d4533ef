import type { tf } from "@cmmd/jit";
import type { Static, TSchema } from "@sinclair/typebox";
import type { Random } from "../diffusion/random.js";
import type { Schedule } from "../diffusion/schedule.js";
import type { Clip, PairShape, Recording, Split } from "./clips.js";
import type { Context } from "./context.js";
import type { Decoded, DecodeRequest, FeatureDefinition, Features, Frames, MediaInfo, Waveform } from "./media.js";
import type { NamedTensor, NamedTensors } from "./tensors.js";

/**
 * Every component has a one-line summary, a TypeBox schema of its options, and its functions, either in place or behind
 * `load`, so that an expensive import happens only when a stage uses the component.
 */
export interface Described<O extends TSchema> {
  readonly summary: string;
  readonly options: O;
  /** A dataset that makes its media (`render`): gives the pipeline a stage of that name. */
  readonly renders?: boolean;
}
export type Component<O extends TSchema, Body> = Described<O> & (Body | { load(): Promise<Body> });

/** Any JSON value; what a stage's key may hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

export interface DatasetBody<O> {
  /** Writes the dataset's media into `context.folder` when they are made rather than downloaded. A stage of its own; resumable. */
  render?(options: O, context: Context): Promise<void>;
  /** What the result depends on beside the options: for files on disk, their names, sizes and times. Part of `prepare`'s key. */
  fingerprint?(options: O, context: Pick<Context, "base">): Promise<Json>;
  /** The recordings, in a stable order. For a rendered dataset `context.folder` is the folder that `render` filled. */
  clips(options: O, context: Context): AsyncIterable<Recording>;
}

/** Picture in, picture out, as an FFmpeg filter that the decoder applies. */
export interface VideoFilterBody<O> {
  readonly modality: "video";
  /** FFmpeg filter expression. */
  filter(options: O): string;
  /** Frames per second after the filter, when it changes them. */
  rate?(options: O): number;
}
export interface AudioFilterBody<O> {
  readonly modality: "audio";
  filter(options: O): string;
  /** Samples per second after the filter, when it changes them. */
  rate?(options: O): number;
}
/** Sound in, feature frames out: the last of the audio transforms. */
export interface FeatureBody<O> {
  readonly modality: "features";
  definition(options: O, rate: number): FeatureDefinition;
  /** Feature frames of `samples` samples. */
  frames(definition: FeatureDefinition, samples: number): number;
  compute(definition: FeatureDefinition, waveform: Waveform): Features;
}
export type TransformBody<O> = VideoFilterBody<O> | AudioFilterBody<O> | FeatureBody<O>;

/** Reads and writes media files. */
export interface CodecBody<O> {
  probe(path: string, options: O, context: Context): Promise<MediaInfo>;
  decode(request: DecodeRequest, options: O, context: Context): Promise<Decoded>;
  /** Writes an MP4 (H.264 + AAC) that browsers play, sound and picture starting together. */
  encode(
    path: string,
    media: { readonly frames: Frames; readonly rate: number; readonly waveform: Waveform; readonly scale?: number },
    options: O,
    context: Context,
  ): Promise<void>;
}

export interface OpenAutoencoder {
  /** [height, width, channels] of the latents of a picture. */
  shape(height: number, width: number): readonly [number, number, number];
  /** Latents [count, h, w, c] of about unit variance. */
  encode(frames: Frames): Promise<Float32Array>;
  decode(latents: Float32Array, count: number, height: number, width: number): Promise<Frames>;
  dispose(): Promise<void>;
}
export interface AutoencoderBody<O> {
  /** Fits the autoencoder to the training frames; the result is stored with the latents. May iterate `frames` more than once. */
  fit?(frames: () => AsyncIterable<Frames>, options: O, context: Context): Promise<NamedTensors>;
  open(weights: NamedTensors | undefined, options: O, context: Context): Promise<OpenAutoencoder>;
}

export interface OpenVocoder {
  /** Sound of `features` [frames, bins] (not normalised). Seeded by `random`. */
  synthesise(features: Features, random: Random): Promise<Waveform>;
  dispose(): Promise<void>;
}
export interface VocoderBody<O> {
  open(definition: FeatureDefinition, options: O, context: Context): Promise<OpenVocoder>;
}

/** A batch of both modalities inside a traced program. */
export interface Pair<T> {
  readonly video: T;
  readonly audio: T;
}
/** Traced: the model's raw output for noisy `video` [B, F, H, W, C], `audio` [B, T, M] at integer diffusion steps `n` [B]. */
export type Network = (
  video: tf.Tensor5D,
  audio: tf.Tensor3D,
  n: tf.Tensor1D,
) => {
  readonly video: tf.Tensor5D;
  readonly audio: tf.Tensor3D;
};

export interface ModelBody<O> {
  /** Freshly initialised parameters, in a stable order. Throws `CmmdError` when the options do not fit the shapes. */
  initialise(options: O, shape: PairShape, random: (name: string) => Random): NamedTensors;
  /** Traced. */
  apply(
    parameters: Readonly<Record<string, tf.Tensor>>,
    inputs: { readonly video: tf.Tensor5D; readonly audio: tf.Tensor3D; readonly n: tf.Tensor1D },
    options: O,
  ): { readonly video: tf.Tensor5D; readonly audio: tf.Tensor3D };
}

/** Converts between what the network predicts and (x0, eps), inside a trace. alphaBar broadcasts over the batch: [B, 1, ...]. */
export interface Parametrisation {
  /** What the network should predict. */
  target<T extends tf.Tensor>(x0: T, eps: T, alphaBar: tf.Tensor): T;
  x0<T extends tf.Tensor>(xn: T, prediction: T, alphaBar: tf.Tensor): T;
  eps<T extends tf.Tensor>(xn: T, prediction: T, alphaBar: tf.Tensor): T;
}

/** The positive batch of a training step, inside a trace. `noise` is the drawn eps; `alphaBar` is [B]. */
export interface TrainingBatch {
  readonly video: tf.Tensor5D;
  readonly audio: tf.Tensor3D;
  readonly noise: Pair<tf.Tensor>;
  readonly n: tf.Tensor1D;
  readonly alphaBar: tf.Tensor1D;
}
export interface LossBody<O> {
  /** The loss as a formula, printed before training, e.g. `5e-05·(audio⁻ + video⁻)`, with its sign. */
  describe(options: O): string;
  /** Host: what this loss needs beside the positive batch, drawn for one step. The same arguments give the same tensors. */
  draw?(
    options: O,
    batch: {
      readonly clips: readonly Clip[];
      readonly pool: readonly Clip[];
      readonly step: number;
      readonly shape: PairShape;
    },
    tools: {
      random(purpose: string, ...counters: number[]): Random;
      /** The negative of `clip` by the configured mixture of negatives. */
      negative(entries: readonly UseNegative[], clip: Clip, modality: "video" | "audio", random: Random): Float32Array;
    },
  ): Record<string, NamedTensor>;
  /** Traced: the scalar to minimise, and scalars worth logging. */
  value(
    options: O,
    batch: TrainingBatch,
    drawn: Readonly<Record<string, tf.Tensor>>,
    network: Network,
    parametrisation: Parametrisation,
  ): { readonly loss: tf.Scalar; readonly log: Readonly<Record<string, tf.Scalar>> };
}

/** A `use:` entry that names a negative, with its mixture weight (1 when absent). */
export interface UseNegative {
  readonly use: string;
  readonly weight?: number;
  readonly [option: string]: unknown;
}
export interface NegativeBody<O> {
  /** A video (latents) or sound (features) that does not belong to `clip`'s other modality, of the clip's own shape. */
  draw(
    options: O,
    input: {
      readonly clip: Clip;
      readonly pool: readonly Clip[];
      readonly modality: "video" | "audio";
      readonly random: Random;
    },
  ): Float32Array;
}

/** Host arrays of a batch of both modalities. */
export type Arrays = Pair<Float32Array>;
/** x0 and eps that the (guided) network implies at (x, n). */
export type Predict = (x: Arrays, n: number) => Promise<{ readonly x0: Arrays; readonly eps: Arrays }>;
export interface SamplerBody<O> {
  /** Network evaluations that a clip takes: for progress and time left. */
  evaluations(options: O): number;
  /** From `x` ~ N(0, 1) at n = schedule.steps to x0. `noise(k)` is fresh unit noise for the k-th step. */
  sample(
    options: O,
    predict: Predict,
    x: Arrays,
    tools: {
      readonly schedule: Schedule;
      noise(k: number): Arrays;
      evaluated(k: number): void;
      readonly signal: AbortSignal;
    },
  ): Promise<Arrays>;
}

export interface GuidanceBody<O> {
  /**
   * Traced: the guided prediction for noisy `x` at step `n` given the clean `known` modality and the noise drawn for it once.
   * `alphaBar` is a scalar. Returns x0 and the implied eps of both modalities.
   */
  predict(
    options: O,
    network: Network,
    parametrisation: Parametrisation,
    input: {
      readonly x: Pair<tf.Tensor>;
      readonly n: tf.Tensor1D;
      readonly alphaBar: tf.Scalar;
      readonly known: { readonly modality: "video" | "audio"; readonly x0: tf.Tensor; readonly noise: tf.Tensor };
    },
  ): { readonly x0: Pair<tf.Tensor>; readonly eps: Pair<tf.Tensor> };
}

/** One generated clip beside the clip that it was conditioned on or is compared with. */
export interface EvaluationItem {
  readonly id: string;
  readonly split: Split;
  /** Seconds from the first frame. */
  readonly events: readonly number[];
  readonly generated: { readonly waveform: Waveform; readonly features: Features; readonly frames: Frames };
  readonly reference: { readonly waveform: Waveform; readonly features: Features; readonly frames: Frames };
}
export interface MetricValue {
  readonly name: string;
  readonly value: number;
  readonly unit?: string;
  readonly better?: "higher" | "lower";
  /** The same figure for shuffled pairs, or another control that shows what chance gives. */
  readonly control?: number;
}
export interface MetricResult {
  readonly values: readonly MetricValue[];
  /** Everything that the figures depend on: counts, window, tolerance, version of the algorithm. */
  readonly depends: { readonly [name: string]: Json };
  /** Figures per clip, by clip id. */
  readonly perItem?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}
export interface MetricBody<O> {
  /** Tasks that the metric applies to; all when absent. */
  readonly tasks?: readonly string[];
  compute(options: O, items: readonly EvaluationItem[], context: Context): Promise<MetricResult>;
}

/** What a report is drawn from. Paths are absolute. */
export interface ReportInput {
  readonly pipeline: { readonly name: string; readonly path: string; readonly resolved: string };
  readonly groups: readonly {
    /** Name of the generation group, e.g. `v2a`. */
    readonly name: string;
    readonly task: string;
    /** e.g. "ddim, 50 steps, reconstruction 2, weights ema". */
    readonly settings: string;
    readonly items: readonly {
      readonly id: string;
      readonly events: readonly number[];
      readonly generated: { readonly video: string; readonly features: Features };
      readonly reference: { readonly video: string; readonly features: Features };
      readonly perItem: Readonly<Record<string, number>>;
    }[];
    readonly metrics: readonly { readonly use: string; readonly result: MetricResult }[];
  }[];
  readonly featureDefinition: FeatureDefinition;
  /** Scalars of training by name. */
  readonly curves: Readonly<Record<string, readonly { readonly step: number; readonly value: number }[]>>;
  /** Rows for the table of facts: stage times, model size, PSNR, versions. */
  readonly facts: readonly { readonly name: string; readonly value: string }[];
}
export interface ReportBody<O> {
  /** Writes one self-contained file into `context.folder` and returns its name. */
  write(options: O, input: ReportInput, context: Context): Promise<string>;
}

export function defineDataset<O extends TSchema>(c: Component<O, DatasetBody<Static<O>>>) {
  return c;
}
export function defineTransform<O extends TSchema>(c: Component<O, TransformBody<Static<O>>>) {
  return c;
}
export function defineCodec<O extends TSchema>(c: Component<O, CodecBody<Static<O>>>) {
  return c;
}
export function defineAutoencoder<O extends TSchema>(c: Component<O, AutoencoderBody<Static<O>>>) {
  return c;
}
export function defineVocoder<O extends TSchema>(c: Component<O, VocoderBody<Static<O>>>) {
  return c;
}
export function defineModel<O extends TSchema>(c: Component<O, ModelBody<Static<O>>>) {
  return c;
}
export function defineLoss<O extends TSchema>(c: Component<O, LossBody<Static<O>>>) {
  return c;
}
export function defineNegative<O extends TSchema>(c: Component<O, NegativeBody<Static<O>>>) {
  return c;
}
export function defineSampler<O extends TSchema>(c: Component<O, SamplerBody<Static<O>>>) {
  return c;
}
export function defineGuidance<O extends TSchema>(c: Component<O, GuidanceBody<Static<O>>>) {
  return c;
}
export function defineMetric<O extends TSchema>(c: Component<O, MetricBody<Static<O>>>) {
  return c;
}
export function defineReport<O extends TSchema>(c: Component<O, ReportBody<Static<O>>>) {
  return c;
}
