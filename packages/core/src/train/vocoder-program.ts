import { type JitOptions, jit, tf, valueAndGrad } from "@cmmd/jit";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import type { Discrimination, FeatureBody, VocoderTraining } from "../plugin/components.js";
import type { FeatureDefinition } from "../plugin/media.js";
import type { NamedTensors } from "../plugin/tensors.js";
import { type Layout, parametersOf } from "./buckets.js";
import type { StepScalars, WholeState } from "./optimizer.js";
import { updateOf } from "./program.js";

/** Everything that a vocoder's programs are made of. */
export interface VocoderParts {
  readonly training: VocoderTraining<unknown>;
  readonly features: NonNullable<FeatureBody<unknown>["traced"]>;
  readonly definition: FeatureDefinition;
  readonly layouts: Readonly<Record<"model" | "discriminator", Layout>>;
}

/** What the programs need beside their other arguments: the same at every call, and frozen. */
interface VocoderConstants<T> {
  readonly features: Readonly<Record<string, T>>;
  readonly stft: Readonly<Record<string, T>>;
}

export const constantsOf = ({ training, features, definition }: VocoderParts) => ({
  features: features.constants(definition) as NamedTensors,
  stft: training.constants(),
});

type Log = Record<string, tf.Scalar>;
const sumOf = (scalars: readonly tf.Scalar[]) => scalars.reduce((a, b) => tf.add(a, b));

/** Traced: the vocoder's losses by name, unweighted. Without `judged` there is nobody to judge. */
function lossesOf(
  { training, features, definition }: VocoderParts,
  constants: VocoderConstants<tf.Tensor>,
  sound: { readonly real: tf.Tensor2D; readonly features: tf.Tensor3D; readonly made: tf.Tensor2D },
  judged: { readonly real: Discrimination; readonly made: Discrimination } | undefined,
  wanted: (name: string) => boolean,
): Log {
  const { real, made } = sound;
  const log: Log = {};
  if (judged && wanted("adversarial")) log.adversarial = training.adversarialLoss(judged.made);
  if (judged && wanted("feature_matching"))
    log.feature_matching = training.featureMatchingLoss(judged.real, judged.made);
  if (wanted("mel")) {
    const own = features.compute(definition, constants.features, made);
    log.mel = tf.mean(tf.abs(tf.sub(own, sound.features)));
  }
  if (wanted("stft")) log.stft = training.stftLoss(constants.stft, real, made);
  return log;
}

type SetScalars<T> = Readonly<Record<"model" | "discriminator", StepScalars<T>>>;
type Buckets = readonly tf.Tensor[];

/** Traced: what both networks learn from sounds, as functions of their own parameters. */
function tracedLosses(
  { vocoder, train }: VocoderPipeline,
  parts: VocoderParts,
  constants: VocoderConstants<tf.Tensor>,
  sound: tf.Tensor2D,
) {
  const { training, features, definition, layouts } = parts;
  const weights: Readonly<Record<string, number>> = train.losses;
  const heard = features.compute(definition, constants.features, sound);
  const generate = (buckets: Buckets) =>
    training.generate(vocoder.options, parametersOf(buckets, layouts.model), heard);
  const judge = (buckets: Buckets, waveform: tf.Tensor2D) =>
    training.discriminate(vocoder.options, parametersOf(buckets, layouts.discriminator), waveform);
  return {
    judge,
    /** The discriminators' loss; `aux` are the feature maps of the real sound. */
    ofDiscriminators(own: Buckets) {
      const made = generate(own);
      return (theirs: Buckets) => {
        const maps = judge(theirs, sound);
        return { value: training.discriminatorLoss(maps, judge(theirs, made)), aux: maps.map((scale) => [...scale]) };
      };
    },
    /** The vocoder's loss, judged or not; `aux` are its parts, unweighted. */
    ofVocoder: (judges: { readonly buckets: Buckets; readonly real: Discrimination } | undefined) => (own: Buckets) => {
      const made = generate(own);
      const judged = judges && { real: judges.real, made: judge(judges.buckets, made) };
      const wanted = (name: string) => weights[name]! > 0;
      const losses = lossesOf(parts, constants, { real: sound, features: heard, made }, judged, wanted);
      const weighted = Object.entries(losses).map(([name, loss]) => tf.mul<tf.Scalar>(loss, weights[name]!));
      return { value: sumOf(weighted), aux: losses };
    },
  };
}

const parametersIn = ({ buckets }: WholeState<tf.Tensor>) => buckets.map(({ parameters }) => parameters);

/**
 * The traced training step of a vocoder: one program with both networks' forward passes, gradients and Adam. As in MelGAN's official code the
 * discriminators take their step first, on sound of the vocoder before its own; the vocoder is judged by the discriminators after theirs, and
 * its feature maps are compared with those that the discriminators had before it. Where `adversarial` is false the discriminators are left out.
 */
export function vocoderProgram(
  pipeline: VocoderPipeline,
  options: JitOptions,
  parts: VocoderParts,
  adversarial: boolean,
) {
  const { optimizer } = pipeline.train;
  return jit(
    (
      states: { readonly model: WholeState<tf.Tensor>; readonly discriminator?: WholeState<tf.Tensor> },
      real: tf.Tensor,
      scalars: SetScalars<tf.Tensor>,
      constants: VocoderConstants<tf.Tensor>,
    ) => {
      const losses = tracedLosses(pipeline, parts, constants, real as tf.Tensor2D);
      const own = parametersIn(states.model);
      const log: Log = {};
      let judging: ReturnType<typeof updateOf> | undefined;
      let judges: { readonly buckets: Buckets; readonly real: Discrimination } | undefined;
      if (adversarial && states.discriminator) {
        const loss = losses.ofDiscriminators(own);
        const { value, aux, grads } = valueAndGrad(loss, parametersIn(states.discriminator));
        judging = updateOf(states.discriminator, grads, scalars.discriminator, optimizer, undefined);
        log["discriminator/loss"] = value;
        judges = { buckets: parametersIn(judging.state), real: aux };
      }
      const { value, aux, grads } = valueAndGrad(losses.ofVocoder(judges), own);
      const updated = updateOf(states.model, grads, scalars.model, optimizer, undefined);
      return {
        state: { model: updated.state, ...(judging && { discriminator: judging.state }) },
        squares: { model: updated.squares, ...(judging && { discriminator: judging.squares }) },
        log: { loss: value, ...aux, ...log },
      };
    },
    {
      ...options,
      name: adversarial ? "train vocoder" : "train vocoder without discriminators",
      donate: [0],
      freeze: [3],
    },
  );
}

/**
 * The same step in `train.accumulate` parts, for batches that do not fit: `judging` and `making` add the gradients of a part of the batch to those
 * of the parts before it, `update` takes a network's step with their sum. Every loss is a mean over sounds: each part has its share in it.
 */
export function vocoderPartPrograms(pipeline: VocoderPipeline, options: JitOptions, parts: VocoderParts) {
  const { accumulate, optimizer } = pipeline.train;
  const shareOf = <S extends tf.Tensor>(scalar: S) => tf.div<S>(scalar, accumulate);
  const added = (sums: Buckets, grads: Buckets) => sums.map((sum, i) => tf.add(sum, grads[i]!));
  const judging = jit(
    (sums: Buckets, own: Buckets, theirs: Buckets, real: tf.Tensor, constants: VocoderConstants<tf.Tensor>) => {
      const loss = tracedLosses(pipeline, parts, constants, real as tf.Tensor2D).ofDiscriminators(own);
      const { value, grads } = valueAndGrad((buckets: Buckets) => ({ value: shareOf(loss(buckets).value) }), theirs);
      return { sums: added(sums, grads), log: { "discriminator/loss": value } };
    },
    { ...options, name: "gradients of discriminators", donate: [0], freeze: [4] },
  );
  const making = jit(
    (
      sums: Buckets,
      own: Buckets,
      discriminators: { readonly before?: Buckets; readonly after?: Buckets },
      real: tf.Tensor,
      constants: VocoderConstants<tf.Tensor>,
    ) => {
      const losses = tracedLosses(pipeline, parts, constants, real as tf.Tensor2D);
      const { before, after } = discriminators;
      const loss = losses.ofVocoder(
        before && after && { buckets: after, real: losses.judge(before, real as tf.Tensor2D) },
      );
      const { value, aux, grads } = valueAndGrad((buckets: Buckets) => {
        const { value, aux } = loss(buckets);
        return { value: shareOf(value), aux };
      }, own);
      const shares = Object.entries(aux).map(([name, scalar]) => [name, shareOf(scalar)] as const);
      return { sums: added(sums, grads), log: { loss: value, ...Object.fromEntries(shares) } };
    },
    { ...options, name: "gradients of vocoder", donate: [0], freeze: [4] },
  );
  const update = jit(
    (state: WholeState<tf.Tensor>, sums: Buckets, scalars: StepScalars<tf.Tensor>) =>
      updateOf(state, sums, scalars, optimizer, undefined),
    { ...options, name: "update", donate: [1] },
  );
  return { judging, making, update };
}

/** The traced copy of sounds from their features: the copies, both features, and the distances between the sounds. */
export function copyProgram({ vocoder }: VocoderPipeline, options: JitOptions, parts: VocoderParts) {
  const { training, features, definition, layouts } = parts;
  return jit(
    (buckets: readonly tf.Tensor[], real: tf.Tensor, constants: VocoderConstants<tf.Tensor>) => {
      const sound = real as tf.Tensor2D;
      const heard = features.compute(definition, constants.features, sound);
      const made = training.generate(vocoder.options, parametersOf(buckets, layouts.model), heard);
      const copied = features.compute(definition, constants.features, made);
      const { mel, stft } = lossesOf(parts, constants, { real: sound, features: heard, made }, undefined, () => true);
      return { made, features: { real: heard, made: copied }, distances: { mel: mel!, stft: stft! } };
    },
    { ...options, name: "copy sound", freeze: [2] },
  );
}
