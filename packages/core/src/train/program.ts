import { type JitOptions, jit, keepFinite, nextLossScale, scaledValueAndGrad, tf, valueAndGrad } from "@cmmd/jit";
import { parametrisations } from "../diffusion/parametrisation.js";
import type { ResolvedPipeline, Used } from "../pipeline/resolved.js";
import type { LossBody, ModelBody, Network, TrainingBatch } from "../plugin/components.js";
import { type Layout, parametersOf } from "./buckets.js";
import { adam, clipFactor, type StepScalars, type WholeState } from "./optimizer.js";

/** A loss of the pipeline with its implementation and the name that its scalars are logged under. */
export interface ActiveLoss {
  readonly name: string;
  readonly used: Used;
  readonly body: LossBody<unknown>;
}

export interface StepInputs<T> {
  readonly video: T;
  readonly audio: T;
  readonly videoNoise: T;
  readonly audioNoise: T;
  readonly n: T;
  readonly alphaBar: T;
}

/** What each loss drew for the clips of a batch, by the loss's name: row i of each tensor belongs to clip i. */
export type Drawn<T> = Readonly<Record<string, Readonly<Record<string, T>>>>;

/** How much of a loss's mean over its clips a batch holds: all of it in a whole batch. */
export type Shares = Readonly<Record<string, { readonly rows: number; readonly share: number }>>;

const batchOf = (inputs: StepInputs<tf.Tensor>): TrainingBatch => ({
  video: inputs.video as tf.Tensor5D,
  audio: inputs.audio as tf.Tensor3D,
  noise: { video: inputs.videoNoise, audio: inputs.audioNoise },
  n: inputs.n as tf.Tensor1D,
  alphaBar: inputs.alphaBar as tf.Tensor1D,
});

function firstRows(batch: TrainingBatch, rows: number): TrainingBatch {
  if (rows === batch.n.shape[0]) return batch;
  const first = <T extends tf.Tensor>(x: T): T => tf.slice(x, [0], [rows]);
  const { video, audio, noise, n, alphaBar } = batch;
  return {
    video: first(video),
    audio: first(audio),
    noise: { video: first(noise.video), audio: first(noise.audio) },
    n: first(n),
    alphaBar: first(alphaBar),
  };
}

/** Traced: the sum of losses and their scalars as a function of the parameters in their buckets. */
function lossFunction(
  { diffusion, model: { options } }: ResolvedPipeline,
  model: ModelBody<unknown>,
  layout: Layout,
  losses: readonly ActiveLoss[],
  inputs: StepInputs<tf.Tensor>,
  drawn: Drawn<tf.Tensor>,
  shares: Shares = {},
) {
  const parametrisation = parametrisations[diffusion.predict];
  const batch = batchOf(inputs);
  return (tensors: readonly tf.Tensor[]) => {
    const parameters = parametersOf(tensors, layout);
    const network: Network = (video, audio, n) => model.apply(parameters, { video, audio, n }, options);
    const log: Record<string, tf.Scalar> = {};
    const values = losses.map(({ name, used, body }) => {
      const { rows, share } = shares[name] ?? { rows: batch.n.shape[0], share: 1 };
      const result = body.value(used.options, firstRows(batch, rows), drawn[name] ?? {}, network, parametrisation);
      const part = (scalar: tf.Scalar) => (share === 1 ? scalar : (scalar.mul(share) as tf.Scalar));
      for (const [key, scalar] of Object.entries(result.log)) log[`${name}/${key}`] = part(scalar);
      return part(result.loss);
    });
    return { value: values.reduce((a, b) => a.add(b)), aux: log };
  };
}

export const programName = (losses: readonly ActiveLoss[]) => losses.map(({ name }) => name).join(" ");

/** Programs by name, made when they are first wanted. */
export function programsByName<P extends { dispose(): Promise<void> }>() {
  const programs = new Map<string, P>();
  return {
    of(name: string, make: () => P): P {
      const program = programs.get(name) ?? make();
      programs.set(name, program);
      return program;
    },
    async dispose() {
      for (const program of programs.values()) await program.dispose();
    },
  };
}

/**
 * The traced training step for a set of losses: one program with forward pass, gradients, Adam and the moving average. With a loss scale
 * in the state it also gives `scaling`: `finite` is 0 when a gradient overflowed, and that step changes nothing but the scale.
 */
export function trainingProgram(
  pipeline: ResolvedPipeline,
  options: JitOptions,
  model: ModelBody<unknown>,
  layout: Layout,
  losses: readonly ActiveLoss[],
) {
  return jit(
    (
      state: WholeState<tf.Tensor>,
      inputs: StepInputs<tf.Tensor>,
      drawn: Drawn<tf.Tensor>,
      scalars: StepScalars<tf.Tensor>,
    ) => {
      const { lossScale } = state;
      const objective = lossFunction(pipeline, model, layout, losses, inputs, drawn);
      const parameters = state.buckets.map((bucket) => bucket.parameters);
      const scaled = lossScale && scaledValueAndGrad(objective, parameters, lossScale.scale);
      const { value, aux, grads } = scaled ?? valueAndGrad(objective, parameters);
      return {
        ...updateOf(state, grads, scalars, pipeline.train.optimizer, scaled?.finite),
        log: { loss: value, ...aux },
      };
    },
    { ...options, name: `train ${programName(losses)}`, donate: [0] },
  );
}

/** Traced: the state after a step with such gradients, the sum of squares of each bucket's, and what became of the loss scale. */
export function updateOf(
  { buckets, lossScale }: WholeState<tf.Tensor>,
  grads: readonly tf.Tensor[],
  scalars: StepScalars<tf.Tensor>,
  optimizer: ResolvedPipeline["train"]["optimizer"],
  finite: tf.Tensor | undefined,
): { state: WholeState<tf.Tensor>; squares: tf.Tensor[]; scaling?: Readonly<Record<"finite" | "scale", tf.Tensor>> } {
  const { clip } = optimizer;
  const factor = clip === undefined ? undefined : clipFactor(grads, clip);
  const updates = buckets.map((bucket, i) => ({
    state: adam(bucket, factor ? grads[i]!.mul(factor) : grads[i]!, scalars, optimizer),
    // A result for each bucket: their sum would hold all of the gradients until the last one is there.
    squares: grads[i]!.square().sum(),
  }));
  const next = updates.map(({ state }) => state);
  const squares = updates.map((update) => update.squares);
  if (!(lossScale && finite)) return { state: { buckets: next }, squares };
  const scale = nextLossScale(lossScale, finite);
  const state: WholeState<tf.Tensor> = { buckets: keepFinite(finite, next, buckets), lossScale: scale };
  return { state, squares, scaling: { finite: finite.toFloat(), scale: scale.scale } };
}

/**
 * A training step in parts, for batches that do not fit: `gradients` adds those of a part of the batch to what the parts before it gave,
 * `update` takes the step with their sum. A loss of few clips has its whole weight in the parts that hold them (`shares`).
 */
export function accumulatingPrograms(
  pipeline: ResolvedPipeline,
  options: JitOptions,
  model: ModelBody<unknown>,
  layout: Layout,
) {
  const gradientsOf = (losses: readonly ActiveLoss[], shares: Shares) =>
    jit(
      (
        sums: readonly tf.Tensor[],
        parameters: readonly tf.Tensor[],
        lossScale: { readonly scale?: tf.Tensor },
        inputs: StepInputs<tf.Tensor>,
        drawn: Drawn<tf.Tensor>,
      ) => {
        const objective = lossFunction(pipeline, model, layout, losses, inputs, drawn, shares);
        const scaled = lossScale.scale && scaledValueAndGrad(objective, [...parameters], lossScale.scale);
        const { value, aux, grads } = scaled ?? valueAndGrad(objective, [...parameters]);
        return {
          sums: sums.map((sum, i) => sum.add(grads[i]!)),
          log: { loss: value, ...aux },
          ...(scaled && { finite: scaled.finite.toFloat() }),
        };
      },
      { ...options, name: `gradients ${programName(losses)}`, donate: [0] },
    );
  const update = jit(
    (
      state: WholeState<tf.Tensor>,
      sums: readonly tf.Tensor[],
      scalars: StepScalars<tf.Tensor>,
      finite: readonly tf.Tensor[],
    ) => updateOf(state, sums, scalars, pipeline.train.optimizer, finite[0]?.greater(0.5)),
    { ...options, name: "update", donate: [0, 1] },
  );
  return { gradientsOf, update };
}

/** The losses of a batch with the averaged weights, without a step. */
export function validationProgram(
  pipeline: ResolvedPipeline,
  options: JitOptions,
  model: ModelBody<unknown>,
  layout: Layout,
  losses: readonly ActiveLoss[],
) {
  return jit(
    (parameters: readonly tf.Tensor[], inputs: StepInputs<tf.Tensor>, drawn: Drawn<tf.Tensor>) => {
      const { value, aux } = lossFunction(pipeline, model, layout, losses, inputs, drawn)(parameters);
      return { loss: value, ...aux };
    },
    { ...options, name: `validate ${programName(losses)}` },
  );
}
