import { type JitOptions, jit, type tf } from "@cmmd/jit";
import { parametrisations } from "../diffusion/parametrisation.js";
import type { ResolvedPipeline, Used } from "../pipeline/resolved.js";
import type { GuidanceBody, Known, ModelBody, Network, Pair } from "../plugin/components.js";

/**
 * One guided evaluation of the network with its weights frozen into the program; without guidance the plain prediction of both modalities.
 * Inputs: x_n `video` [B, F, H, W, C] and `audio` [B, T, M], step `n` [B], the scalar `alphaBar`, and what is `known`.
 */
export function samplingProgram(
  pipeline: ResolvedPipeline,
  options: JitOptions,
  model: ModelBody<unknown>,
  guidance: { readonly used: Used; readonly body: GuidanceBody<unknown> } | undefined,
) {
  const parametrisation = parametrisations[pipeline.diffusion.predict];
  return jit(
    (
      parameters: Record<string, tf.Tensor>,
      inputs: {
        readonly video: tf.Tensor;
        readonly audio: tf.Tensor;
        readonly n: tf.Tensor;
        readonly alphaBar: tf.Tensor;
        readonly known?: Partial<Pair<Known>>;
      },
    ) => {
      const network: Network = (video, audio, n) =>
        model.apply(parameters, { video, audio, n }, pipeline.model.options);
      const alphaBar = inputs.alphaBar as tf.Scalar;
      const n = inputs.n as tf.Tensor1D;
      if (guidance && inputs.known) {
        const x = { video: inputs.video, audio: inputs.audio };
        const input = { x, n, alphaBar, known: inputs.known };
        return guidance.body.predict(guidance.used.options, network, parametrisation, input);
      }
      const output = network(inputs.video as tf.Tensor5D, inputs.audio as tf.Tensor3D, n);
      const estimate = (kind: "x0" | "eps") => ({
        video: parametrisation[kind](inputs.video, output.video, alphaBar),
        audio: parametrisation[kind](inputs.audio, output.audio, alphaBar),
      });
      return { x0: estimate("x0"), eps: estimate("eps") };
    },
    { ...options, name: "sample", freeze: [0] },
  );
}
