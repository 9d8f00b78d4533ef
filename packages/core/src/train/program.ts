import { jit, type tf, valueAndGrad } from "@cmmd/jit";
import { parametrisations } from "../diffusion/parametrisation.js";
import type { Device, ResolvedPipeline, Used } from "../pipeline/resolved.js";
import type { LossBody, ModelBody, Network } from "../plugin/components.js";
import { type Layout, parametersOf } from "./buckets.js";
import { adam, type StepScalars, type TrainState } from "./optimizer.js";

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

/** The traced training step for a set of losses: one program with forward pass, gradients, Adam and the moving average. */
export function trainingProgram(
  pipeline: ResolvedPipeline,
  device: Device,
  model: ModelBody<unknown>,
  layout: Layout,
  losses: readonly ActiveLoss[],
) {
  const parametrisation = parametrisations[pipeline.diffusion.predict];
  return jit(
    (
      state: readonly TrainState<tf.Tensor>[],
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
      const { value, aux, grads } = valueAndGrad(
        objective,
        state.map(({ parameters }) => parameters),
      );
      const updates = state.map((bucket, i) => ({
        state: adam(bucket, grads[i]!, scalars, pipeline.train.optimizer),
        // A result for each bucket: their sum would hold all of the gradients until the last one is there.
        squares: grads[i]!.square().sum(),
      }));
      return {
        state: updates.map((update) => update.state),
        squares: updates.map(({ squares }) => squares),
        log: { loss: value, ...aux },
      };
    },
    { name: `train ${losses.map(({ name }) => name).join(" ")}`, device, donate: [0] },
  );
}
