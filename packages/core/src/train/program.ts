import { type JitOptions, jit, keepFinite, nextLossScale, scaledValueAndGrad, type tf, valueAndGrad } from "@cmmd/jit";
import { parametrisations } from "../diffusion/parametrisation.js";
import type { ResolvedPipeline, Used } from "../pipeline/resolved.js";
import type { LossBody, ModelBody, Network } from "../plugin/components.js";
import { type Layout, parametersOf } from "./buckets.js";
import { adam, type StepScalars, type WholeState } from "./optimizer.js";

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

/**
 * The traced training step for a set of losses: one program with forward pass, gradients, Adam and the moving average. With a loss scale
 * in the state it also gives `finite`, 0 when a gradient overflowed: that step changes nothing but the scale.
 */
export function trainingProgram(
  pipeline: ResolvedPipeline,
  options: JitOptions,
  model: ModelBody<unknown>,
  layout: Layout,
  losses: readonly ActiveLoss[],
) {
  const parametrisation = parametrisations[pipeline.diffusion.predict];
  return jit(
    (
      { buckets, lossScale }: WholeState<tf.Tensor>,
      inputs: StepInputs<tf.Tensor>,
      drawn: Record<string, Record<string, tf.Tensor>>,
      scalars: StepScalars<tf.Tensor>,
    ) => {
      const batch = {
        video: inputs.video as tf.Tensor5D,
        audio: inputs.audio as tf.Tensor3D,
        noise: { video: inputs.videoNoise, audio: inputs.audioNoise },
        n: inputs.n as tf.Tensor1D,
        alphaBar: inputs.alphaBar as tf.Tensor1D,
      };
      const objective = (tensors: readonly tf.Tensor[]) => {
        const parameters = parametersOf(tensors, layout);
        const network: Network = (video, audio, n) =>
          model.apply(parameters, { video, audio, n }, pipeline.model.options);
        const log: Record<string, tf.Scalar> = {};
        const values = losses.map(({ name, used, body }) => {
          const result = body.value(used.options, batch, drawn[name] ?? {}, network, parametrisation);
          for (const [part, scalar] of Object.entries(result.log)) log[`${name}/${part}`] = scalar;
          return result.loss;
        });
        return { value: values.reduce((a, b) => a.add(b)), aux: log };
      };
      const parameters = buckets.map((bucket) => bucket.parameters);
      const scaled = lossScale && scaledValueAndGrad(objective, parameters, lossScale.scale);
      const { value, aux, grads } = scaled ?? valueAndGrad(objective, parameters);
      const updates = buckets.map((bucket, i) => ({
        state: adam(bucket, grads[i]!, scalars, pipeline.train.optimizer),
        // A result for each bucket: their sum would hold all of the gradients until the last one is there.
        squares: grads[i]!.square().sum(),
      }));
      const updated = updates.map(({ state }) => state);
      const state: WholeState<tf.Tensor> =
        lossScale && scaled
          ? {
              buckets: keepFinite(scaled.finite, updated, buckets),
              lossScale: nextLossScale(lossScale, scaled.finite),
            }
          : { buckets: updated };
      return {
        state,
        squares: updates.map(({ squares }) => squares),
        log: { loss: value, ...aux },
        ...(scaled && { finite: scaled.finite.toFloat() }),
      };
    },
    { ...options, name: `train ${losses.map(({ name }) => name).join(" ")}`, donate: [0] },
  );
}
