import type { GuidanceBody, Network, Pair, Parametrisation } from "@cmmd/core";
import { gradOf, tf } from "@cmmd/jit";
import type { Static } from "@sinclair/typebox";
import type { reconstructionOptions, replacementOptions } from "./options.js";

type Input = Parameters<GuidanceBody<unknown>["predict"]>[3];

/** The pair with its known modality replaced by the clean one, diffused to step n with the noise that was drawn once. */
function replaced({ x, alphaBar, known }: Input): Pair<tf.Tensor> {
  const kept = tf.add(tf.mul(tf.sqrt(alphaBar), known.x0), tf.mul(tf.sqrt(tf.sub(1, alphaBar)), known.noise));
  return { ...x, [known.modality]: kept };
}

function estimate(network: Network, parametrisation: Parametrisation, x: Pair<tf.Tensor>, input: Input) {
  const output = network(x.video as tf.Tensor5D, x.audio as tf.Tensor3D, input.n);
  return {
    video: parametrisation.x0(x.video, output.video, input.alphaBar),
    audio: parametrisation.x0(x.audio, output.audio, input.alphaBar),
  };
}

/** eps that makes x_n consistent with x0: (x_n - sqrt(alphaBar) x0) / sqrt(1 - alphaBar). */
function implied(x: Pair<tf.Tensor>, x0: Pair<tf.Tensor>, alphaBar: tf.Scalar): Pair<tf.Tensor> {
  const eps = (modality: "video" | "audio") =>
    tf.div(tf.sub(x[modality], tf.mul(tf.sqrt(alphaBar), x0[modality])), tf.sqrt(tf.sub(1, alphaBar)));
  return { video: eps("video"), audio: eps("audio") };
}

export const replacement: GuidanceBody<Static<typeof replacementOptions>> = {
  predict(_options, network, parametrisation, input) {
    const x = replaced(input);
    const x0 = estimate(network, parametrisation, x, input);
    return { x0, eps: implied(x, x0, input.alphaBar) };
  },
};

/**
 * Reconstruction guidance (the paper's steps 3 and 4; Ho et al. 2022): the generated modality's estimate moves down the gradient,
 * through the network, of the summed squared error of the known modality's estimate:
 * x0 <- x0 - weight sqrt(alphaBar) grad ||known - estimate||^2, and eps is implied by the guided x0.
 */
export const reconstruction: GuidanceBody<Static<typeof reconstructionOptions>> = {
  predict({ weight }, network, parametrisation, input) {
    if (weight === 0) return replacement.predict({}, network, parametrisation, input);
    const x = replaced(input);
    const { known, alphaBar } = input;
    const free = known.modality === "video" ? "audio" : "video";
    const { aux, grad } = gradOf((wanted) => {
      const x0 = estimate(network, parametrisation, { ...x, [free]: wanted }, input);
      return { value: tf.sum(tf.squaredDifference(known.x0, x0[known.modality])) as tf.Scalar, aux: x0 };
    }, x[free]);
    const guided = tf.sub(aux[free], tf.mul(tf.mul(tf.sqrt(alphaBar), weight), grad));
    const x0 = { ...aux, [free]: guided };
    return { x0, eps: implied(x, x0, alphaBar) };
  },
};
