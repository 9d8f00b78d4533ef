import { diffuse, type LossBody, overBatch, type Parametrisation, type TrainingBatch } from "@cmmd/core";
import { tf } from "@cmmd/jit";
import type { DiffusionOptions } from "./options.js";

/**
 * The joint diffusion loss (Eq. 4) of network outputs against their targets: the mean square error of each modality, added.
 * `outputs` and the batch have the same leading dimension.
 */
export function jointError(
  outputs: { readonly video: tf.Tensor; readonly audio: tf.Tensor },
  batch: Pick<TrainingBatch, "video" | "audio" | "noise" | "alphaBar">,
  parametrisation: Parametrisation,
): { video: tf.Scalar; audio: tf.Scalar } {
  const error = (output: tf.Tensor, x0: tf.Tensor, eps: tf.Tensor) => {
    const target = parametrisation.target(x0, eps, overBatch(batch.alphaBar, x0.rank));
    return tf.mean(tf.square(tf.sub(output, target))) as tf.Scalar;
  };
  return {
    video: error(outputs.video, batch.video, batch.noise.video),
    audio: error(outputs.audio, batch.audio, batch.noise.audio),
  };
}

export const body: LossBody<DiffusionOptions> = {
  describe: ({ weights: { video, audio } }) =>
    video === 1 && audio === 1 ? "diffusion" : `diffusion(${video}·video + ${audio}·audio)`,
  value({ weights }, batch, _drawn, network, parametrisation) {
    const outputs = network(
      diffuse(batch.video, batch.noise.video, batch.alphaBar),
      diffuse(batch.audio, batch.noise.audio, batch.alphaBar),
      batch.n,
    );
    const { video, audio } = jointError(outputs, batch, parametrisation);
    const loss = tf.add(tf.mul(video, weights.video), tf.mul(audio, weights.audio)) as tf.Scalar;
    return { loss, log: { video, audio } };
  },
};
