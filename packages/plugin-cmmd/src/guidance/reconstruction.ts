import type { GuidanceBody, Network, Pair, Parametrisation } from "@cmmd/core";
import { tf, valueAndGrad } from "@cmmd/jit";
import type { Static } from "@sinclair/typebox";
import type { reconstructionOptions, replacementOptions } from "./options.js";

type Input = Parameters<GuidanceBody<unknown>["predict"]>[3];
const modalities = ["video", "audio"] as const;
type Modality = (typeof modalities)[number];

const pairOf = <T>(of: (modality: Modality) => T): Pair<T> => ({ video: of("video"), audio: of("audio") });

/** The pair with what is known replaced by the clean values, diffused to step n with the noise that was drawn once. */
function replaced({ x, alphaBar, known }: Input): Pair<tf.Tensor> {
  return pairOf((modality) => {
    const given = known[modality];
    if (!given) return x[modality];
    const kept = tf.add(tf.mul(tf.sqrt(alphaBar), given.x0), tf.mul(tf.sqrt(tf.sub(1, alphaBar)), given.noise));
    return given.mask ? tf.add(x[modality], tf.mul(given.mask, tf.sub(kept, x[modality]))) : kept;
  });
}

function estimate(network: Network, parametrisation: Parametrisation, x: Pair<tf.Tensor>, input: Input) {
  const output = network(x.video as tf.Tensor5D, x.audio as tf.Tensor3D, input.n);
  return pairOf((modality) => parametrisation.x0(x[modality], output[modality], input.alphaBar));
}

/** eps that makes x_n consistent with x0: (x_n - sqrt(alphaBar) x0) / sqrt(1 - alphaBar). */
function implied(x: Pair<tf.Tensor>, x0: Pair<tf.Tensor>, alphaBar: tf.Scalar): Pair<tf.Tensor> {
  return pairOf((modality) =>
    tf.div(tf.sub(x[modality], tf.mul(tf.sqrt(alphaBar), x0[modality])), tf.sqrt(tf.sub(1, alphaBar))),
  );
}

export const replacement: GuidanceBody<Static<typeof replacementOptions>> = {
  predict(_options, network, parametrisation, input) {
    const x = replaced(input);
    const x0 = estimate(network, parametrisation, x, input);
    return { x0, eps: implied(x, x0, input.alphaBar) };
  },
};

/** ||known - estimate||^2, summed over what is known of both modalities. */
function reconstructionError(known: Input["known"], x0: Pair<tf.Tensor>): tf.Scalar {
  const errors = modalities.flatMap((modality) => {
    const given = known[modality];
    if (!given) return [];
    const squared = tf.squaredDifference(given.x0, x0[modality]);
    return [tf.sum(given.mask ? tf.mul(given.mask, squared) : squared)];
  });
  return errors.reduce((a, b) => tf.add(a, b)) as tf.Scalar;
}

/**
 * Reconstruction guidance (the paper's steps 3 to 5; Ho et al. 2022): the estimate of what is generated moves down the gradient, through
 * the network, of the summed squared error of the estimate of what is known: x0 <- x0 - weight sqrt(alphaBar) grad ||known - estimate||^2.
 * The eps of the step is implied by the guided x0, or the network's own (`eps: unguided`).
 */
export const reconstruction: GuidanceBody<Static<typeof reconstructionOptions>> = {
  predict({ weight, eps }, network, parametrisation, input) {
    if (weight === 0) return replacement.predict({}, network, parametrisation, input);
    const x = replaced(input);
    const { known, alphaBar } = input;
    const free = Object.fromEntries(
      modalities.flatMap((modality) => (known[modality] && !known[modality].mask ? [] : [[modality, x[modality]]])),
    ) as Partial<Pair<tf.Tensor>>;
    const { aux, grads } = valueAndGrad((wanted) => {
      const x0 = estimate(network, parametrisation, { ...x, ...wanted }, input);
      return { value: reconstructionError(known, x0), aux: x0 };
    }, free);
    const x0 = pairOf((modality) => {
      const grad = grads[modality];
      if (!grad) return aux[modality];
      const mask = known[modality]?.mask;
      const step = tf.mul(tf.mul(tf.sqrt(alphaBar), weight), mask ? tf.mul(tf.sub(1, mask), grad) : grad);
      return tf.sub(aux[modality], step);
    });
    return { x0, eps: implied(x, eps === "implied" ? x0 : aux, alphaBar) };
  },
  advice: ({ weight, eps }) => {
    const range = eps === "implied" ? "0.1 and 5" : "0.003 and 0.1";
    return `Lower generate.guidance.weight, now ${weight}: a well trained network takes between ${range} (with eps: ${eps}).`;
  },
};
