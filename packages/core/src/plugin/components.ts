import type { tf } from "@cmmd/jit";
import type { Static, TSchema } from "@sinclair/typebox";
import type { Random } from "../diffusion/random.js";
import type { Schedule } from "../diffusion/schedule.js";
import type { Clip, ClipPlace, Modality, PairShape, Recording, Span, Split } from "./clips.js";
import type { Context } from "./context.js";
import type {
  Decoded,
  DecodeRequest,
  FeatureDefinition,
  Features,
  Frames,
  MediaInfo,
  MediaSpan,
  Waveform,
} from "./media.js";
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
  /** A vocoder that a pipeline can train (`training`). */
  readonly trains?: boolean;
  /** Options that say where weights come from, each with the file taken from a hub repository that names none. Their content is part of keys. */
  readonly weights?: Readonly<Record<string, string>>;
  /** Paths of weights that come with the component, for those of these options that are absent. */
  readonly shipped?: Readonly<Record<string, string>>;
  /**
   * What cannot work although the schema allows it, found when a pipeline is validated. `entry` is the whole `use:` entry, defaults filled
   * in, with what the pipeline reads beside the options; `path` is where it stands, e.g. ["train", "losses", 1, "negatives", "audio", 0].
   * Stands in the declaration, so that validating loads no code of components.
   */
  check?(entry: Static<O>, pipeline: PipelineFacts, path: readonly (string | number)[]): readonly OptionProblem[];
  /** The same of a vocoder in the pipeline that trains it. `segment`: samples that are learnt from at once. */
  checkTraining?(
    entry: Static<O>,
    training: { readonly features: FeatureDefinition; readonly segment: number },
  ): readonly TrainingProblem[];
}
/** What a component's `check` may know of the rest of the pipeline. */
export interface PipelineFacts {
  readonly schedule: Schedule;
  readonly predict: "v" | "epsilon" | "x0";
  /** Folder that relative paths refer to: that of the pipeline file. */
  readonly base: string;
  /** Undefined when `data.clip` or the transforms under `prepare` are wrong. */
  readonly clips: ClipFacts | undefined;
  /** What the features of the sound are; undefined as `clips` is. */
  readonly features: FeatureDefinition | undefined;
  /** `train.batch`; undefined when it is wrong. */
  readonly batch: number | undefined;
  /** The entries of `train.losses`; none while one of them is wrong. */
  readonly losses: readonly { readonly use: string; readonly [option: string]: unknown }[];
}
/** What a pipeline says about its clips before any of them is there. Each modality counts in its own steps, as in `ClipPlace`. */
export interface ClipFacts {
  /** Steps per second. */
  readonly rates: { readonly [M in Modality]: number };
  /** Steps of a clip. */
  readonly steps: { readonly [M in Modality]: number };
  /** Video frames of context kept on each side: `data.clip.context`. */
  readonly context: number;
  /** Undefined when nothing fixes the size of the pictures, or the autoencoder cannot tell its latents' before it is opened. */
  readonly shape: PairShape | undefined;
}
/** An option that cannot work: its name, where the problem is shown, and the parts of the error. */
export interface OptionProblem {
  readonly option: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}
/** The same of a pipeline that trains the component; `path` is where the problem is shown. */
export type TrainingProblem = Omit<OptionProblem, "option"> & { readonly path: readonly (string | number)[] };
export type Component<O extends TSchema, Body> = Described<O> & (Body | { load(): Promise<Body> });

/** Any JSON value; what a stage's key may hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

export interface DatasetBody<O> {
  /** Writes the dataset's media into `context.folder` when they are made rather than downloaded. A stage of its own; resumable. */
  render?(options: O, context: Context): Promise<void>;
  /** What the result depends on beside the options: for files on disk, their names, sizes and times. Part of `prepare`'s key. */
  fingerprint?(options: O, context: Pick<Context, "base" | "only">): Promise<Json>;
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
  /** [height, width] after the filter, when it fixes them. */
  size?(options: O): readonly [number, number];
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
  /** The same inside a program, for a vocoder to learn from. Absent where that cannot be. */
  readonly traced?: {
    /** Tensors that `compute` needs, such as filters: too large to be constants of a trace. */
    constants(definition: FeatureDefinition): NamedTensors;
    /** Traced: features [B, frames, bins] of sound [B, samples]. Its gradient is finite for silence, too. */
    compute(
      definition: FeatureDefinition,
      constants: Readonly<Record<string, tf.Tensor>>,
      waveform: tf.Tensor2D,
    ): tf.Tensor3D;
  };
}
export type TransformBody<O> = VideoFilterBody<O> | AudioFilterBody<O> | FeatureBody<O>;

/** Reads and writes media files. */
export interface CodecBody<O> {
  probe(path: string, options: O, context: Context): Promise<MediaInfo>;
  decode(request: DecodeRequest, options: O, context: Context): Promise<Decoded>;
  /** Picture and sound of spans of one file that are near each other, by their beginnings, where that is cheaper than one by one. */
  decodeSeveral?(requests: readonly DecodeRequest[], options: O, context: Context): Promise<readonly Decoded[]>;
  /**
   * Writes an MP4 (H.264 + AAC) that browsers play, sound and picture starting together. Pictures may come in runs of one size; a span of a
   * file gives its picture at its own size and rate, or its sound. Each pixel of given pictures becomes `scale` x `scale` pixels.
   */
  encode(
    path: string,
    media: {
      readonly frames: Frames | AsyncIterable<Frames> | MediaSpan;
      /** Of given pictures, per second. */
      readonly rate: number;
      readonly waveform: Waveform | MediaSpan;
      readonly scale?: number;
    },
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
  /** Seconds so far in which its network computed, and in which it was opened. Absent where there is no network. */
  spent?(): { readonly network: number; readonly opening: number };
  dispose(): Promise<void>;
}
export interface AutoencoderBody<O> {
  /** [height, width, channels] of the latents of a picture, by the options alone. Stands in the declaration, for validation. */
  shape?(options: O, height: number, width: number): readonly [number, number, number];
  /** Fits the autoencoder to the training frames; the result is stored with the latents. May iterate `frames` more than once. */
  fit?(frames: () => AsyncIterable<Frames>, options: O, context: Context): Promise<NamedTensors>;
  open(weights: NamedTensors | undefined, options: O, context: Context): Promise<OpenAutoencoder>;
  /** Whether latents are drawn at random, so that another seed gives others; not when absent. */
  seeded?(options: O): boolean;
}

export interface OpenVocoder {
  /** Sound of `features` [frames, bins] (not normalised). Seeded by `random`. */
  synthesise(features: Features, random: Random): Promise<Waveform>;
  dispose(): Promise<void>;
}
export interface VocoderBody<O> {
  open(definition: FeatureDefinition, options: O, context: Context): Promise<OpenVocoder>;
  /**
   * Of a vocoder whose weights are published elsewhere: those in a checkpoint's tensors, as `open` reads them, what features they are for where
   * nobody says otherwise, and what the weights do not tell of the network, to be kept as `vocoder.network` of the `config.json` beside them.
   * `config` is the `config.json` beside the checkpoint; `source` is for messages.
   */
  published?(
    tensors: NamedTensors,
    source: string,
    config: Json | undefined,
  ): { readonly tensors: NamedTensors; readonly definition: FeatureDefinition; readonly network?: Json };
  /** Of a vocoder that is a network: how a pipeline trains it. */
  readonly training?: VocoderTraining<O>;
}

/** Names and shapes of parameters, in a stable order. */
export type ParameterShapes = Readonly<Record<string, { readonly shape: readonly number[] }>>;
type TracedParameters = Readonly<Record<string, tf.Tensor>>;
/** For each discriminator its feature maps, and last its scores. */
export type Discrimination = readonly (readonly tf.Tensor[])[];

/** The networks of a vocoder in training and the losses between them. The training loop weighs the losses and takes the steps. */
export interface VocoderTraining<O> {
  /** Of the network that makes sound (`model`), and of those that it is trained against. */
  parameters(options: O, definition: FeatureDefinition): Readonly<Record<"model" | "discriminator", ParameterShapes>>;
  initialise(
    options: O,
    definition: FeatureDefinition,
    random: (name: string) => Random,
  ): Readonly<Record<"model" | "discriminator", NamedTensors>>;
  /** Tensors that `stft` needs: too large to be constants of a trace. */
  constants(): NamedTensors;
  /** Traced: sound [B, frames · hop] of features [B, frames, bins]. */
  generate(options: O, parameters: TracedParameters, features: tf.Tensor3D): tf.Tensor2D;
  /** Traced: what the discriminators make of sound [B, samples]. */
  discriminate(options: O, parameters: TracedParameters, waveform: tf.Tensor2D): Discrimination;
  /** Traced: what the discriminators minimise. */
  discriminatorLoss(real: Discrimination, made: Discrimination): tf.Scalar;
  /** Traced: what the vocoder minimises of the discriminators' judgement, each with the weight 1. */
  adversarialLoss(made: Discrimination): tf.Scalar;
  featureMatchingLoss(real: Discrimination, made: Discrimination): tf.Scalar;
  /** Traced: distance of the spectra at several resolutions. */
  stftLoss(constants: TracedParameters, real: tf.Tensor2D, made: tf.Tensor2D): tf.Scalar;
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
  /** Options that change how the network is computed, not what: weights of one setting continue with another. */
  readonly incidental?: readonly string[];
  /**
   * All that is wrong with the options, alone and for clips of `shape` (undefined while it is not known). Stands in the declaration, so that
   * whoever wants to know the sizes that the network takes (validation, `inspect`, longer clips) loads none of its code.
   */
  fits?(options: O, shape: PairShape | undefined): readonly OptionProblem[];
  /** Names and shapes of what `initialise` gives, in its order, without drawing anything: for whoever needs to know before there is memory for it. */
  parameters?(options: O, shape: PairShape): Readonly<Record<string, { readonly shape: readonly number[] }>>;
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
  /** [c, l]: the squared error of the prediction is (c + l alphaBar) / (1 - alphaBar) times that of x0 (the paper's Eq. 3). */
  readonly x0Error: readonly [constant: number, linear: number];
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
  /**
   * Host: why training should stop although every number is finite, by the scalars that `value` logged for one step, under the names it gave
   * them, and `loss`, the whole objective.
   */
  runaway?(options: O, log: Readonly<Record<string, number>>, step: number): string | undefined;
}

/** A `use:` entry that names a negative, with its mixture weight (1 when absent). */
export interface UseNegative {
  readonly use: string;
  readonly weight?: number;
  readonly [option: string]: unknown;
}
export interface NegativeBody<O> {
  /**
   * Where a video or sound comes from that does not belong to `clip`'s other modality: spans that follow each other and are as long as the
   * clip together. Training assembles latents or features of them, `cmmd negatives` pictures and sound. Throws CMMD551, with all random
   * numbers alike, where neither the clip nor the pool has what it takes.
   */
  plan<C extends ClipPlace>(
    options: O,
    input: { readonly clip: C; readonly pool: readonly C[]; readonly modality: Modality; readonly random: Random },
  ): readonly Span<C>[];
}

/** Host arrays of a batch of both modalities. */
export type Arrays = Pair<Float32Array>;
/** x0 and eps that the (guided) network implies at (x, n). */
export type Predict = (x: Arrays, n: number) => Promise<{ readonly x0: Arrays; readonly eps: Arrays }>;
/** Where a sampler stands between two steps: all that it needs to go on. The arrays are not changed any more. */
export interface SamplerState {
  /** Steps that were taken. */
  readonly step: number;
  readonly x: Arrays;
  /** The estimate of x0 of the step before, for samplers that use it. */
  readonly before?: Arrays;
}
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
      /** Where an interrupted call stood. A sampler that goes on from there gives the same clips; one that does not look begins again. */
      readonly from?: SamplerState | undefined;
      /** Hears where the sampler stands after a step, so that an interrupted call can be gone on with. */
      stands?(state: SamplerState): void;
      readonly signal: AbortSignal;
    },
  ): Promise<Arrays>;
}

/** Traced: what is known of one modality of the clips that are generated. */
export interface Known {
  /** Clean values. */
  readonly x0: tf.Tensor;
  /** The noise drawn for them once. */
  readonly noise: tf.Tensor;
  /** [B, frames, 1, ...]: 1 where the values are known, 0 where they are to be generated. Absent when all of them are known. */
  readonly mask?: tf.Tensor;
}
export interface GuidanceBody<O> {
  /**
   * Traced: the guided prediction for noisy `x` at step `n` given what is known of the clean clips. `alphaBar` is a scalar. Returns x0 and
   * eps of both modalities; where values are known, what is returned does not matter.
   */
  predict(
    options: O,
    network: Network,
    parametrisation: Parametrisation,
    input: {
      readonly x: Pair<tf.Tensor>;
      readonly n: tf.Tensor1D;
      readonly alphaBar: tf.Scalar;
      readonly known: Partial<Pair<Known>>;
    },
  ): { readonly x0: Pair<tf.Tensor>; readonly eps: Pair<tf.Tensor> };
  /** What to change when samples grow beyond all bounds, e.g. `Lower "weight" from 50 to between 0.5 and 5.` */
  advice?(options: O): string;
}

/**
 * Sound and pictures of a clip, read from the store whenever they are asked for: a metric that goes from clip to clip holds those of one,
 * however many there are.
 */
export interface Rendition {
  waveform(): Promise<Waveform>;
  features(): Promise<Features>;
  frames(): Promise<Frames>;
}
/** One generated clip beside the clip that it was conditioned on or is compared with. */
export interface EvaluationItem {
  readonly id: string;
  readonly split: Split;
  /** Seconds from the first frame. */
  readonly events: readonly number[];
  readonly generated: Rendition;
  readonly reference: Rendition;
  /** Of the task `copy`: the copy that another vocoder makes of the same features. The copied sound has no frames. */
  readonly control?: Omit<Rendition, "frames">;
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
  /** Tasks that the metric applies to, `copy` being that of a trained vocoder; all when absent. Stands in the declaration, for validation. */
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
      /** `video`: path of an MP4 file, or of a WAV file where there is no picture. */
      readonly generated: { readonly video: string; readonly features: Features };
      readonly reference: { readonly video: string; readonly features: Features };
      /** What another component made of the same input, and its name. */
      readonly control?: { readonly video: string; readonly features: Features; readonly name: string };
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
