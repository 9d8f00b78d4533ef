import { overBatch, type Pair, type Parametrisation, type TrainingBatch } from "@cmmd/core";
import { tf } from "@cmmd/jit";
import type { Weighting } from "./options.js";
import { stepWeights } from "./weighting.js";

export interface ModalityError {
  /** Mean over all values of w(n) times the squared error. */
  readonly error: tf.Scalar;
  /** The plain mean square error over the mean square of the target: 1 for a network that predicts 0. */
  readonly relative: tf.Scalar;
}

/** A target of zeros, e.g. the latents of an empty picture, is no reason to divide by 0. */
const leastPower = 1e-6;

/**
 * The joint diffusion loss (Eq. 4) of network outputs against their targets, by modality. `outputs` and the batch have the same leading
 * dimension.
 */
export function jointError(
  outputs: Pair<tf.Tensor>,
  batch: Pick<TrainingBatch, "video" | "audio" | "noise" | "alphaBar">,
  parametrisation: Parametrisation,
  weighting: Weighting,
): Pair<ModalityError> {
  const of = (modality: "video" | "audio"): ModalityError => {
    const output = outputs[modality];
    const alphaBar = overBatch(batch.alphaBar, output.rank);
    const target = parametrisation.target<tf.Tensor>(batch[modality], batch.noise[modality], alphaBar);
    const squares = tf.square(tf.sub(output, target));
    const weights = stepWeights(weighting, parametrisation, alphaBar);
    const power = tf.add(tf.mean(tf.square(target)), leastPower);
    return {
      error: tf.mean(weights ? tf.mul(weights, squares) : squares) as tf.Scalar,
      relative: tf.div(tf.mean(squares), power) as tf.Scalar,
    };
  };
  return { video: of("video"), audio: of("audio") };
}
