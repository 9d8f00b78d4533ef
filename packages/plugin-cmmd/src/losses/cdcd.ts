import { type LossBody, stack, type UseNegative } from "@cmmd/core";
import { tf } from "@cmmd/jit";
import { describeWeighting } from "./diffusion.js";
import { describeTerms, negativeErrors, runaway } from "./negative-terms.js";
import type { CdcdOptions } from "./options.js";

/**
 * The negative half of CDCD's loss for one modality given the other (Zhu et al. 2023; the second line of Eq. 7): -eta times the sum over
 * `count` negatives of L(a- | v), the diffusion loss of the generated modality alone; the condition takes part as the noisy v_n of the
 * positive pair and has no error of its own. The positive half is the loss `diffusion`, for the generated modality alone with a weight of 0
 * on the other. The first line of Eq. 7, InfoNCE on density ratios, is not implemented: it is printed with its ratio inverted, and the second
 * line is the bound that is trained.
 */
export const body: LossBody<CdcdOptions> = {
  describe: ({ eta, modality, count, weighting }) =>
    `${describeTerms(eta, [`${count > 1 ? `${count}·` : ""}${modality}⁻`])}${describeWeighting(weighting)}`,

  draw({ batch, count, modality, negatives }, { clips, shape }, { random, negative }) {
    const kept = clips.slice(0, batch);
    const size = shape[modality];
    const values = size.reduce((a: number, b) => a * b, 1);
    const rows = Array.from({ length: count }, (_, j) => kept.map((clip, i) => ({ clip, i, j }))).flat();
    const entries = negatives as readonly UseNegative[];
    return {
      data: stack(
        rows.map(({ clip, i, j }) => negative(entries, clip, modality, random(`negative ${modality}`, i, j))),
        size,
      ),
      noise: stack(
        rows.map(({ i, j }) => random(`negative noise ${modality}`, i, j).normal(values)),
        size,
      ),
    };
  },

  value({ eta, batch: own, count, modality, weighting }, batch, { data, noise }, network, parametrisation) {
    const clips = Math.min(own, batch.n.shape[0]);
    const part = (x: tf.Tensor, j: number) => tf.slice(x, [j * clips], [clips]);
    const replacements = Array.from({ length: count }, (_, j) => ({
      modality,
      data: part(data!, j),
      noise: part(noise!, j),
    }));
    const errors = negativeErrors(batch, clips, replacements, network, parametrisation, weighting);
    const negative = tf.mul(errors[modality].error, count) as tf.Scalar;
    return { loss: tf.mul(negative, -eta) as tf.Scalar, log: { negative, relative: errors[modality].relative } };
  },

  runaway,
};
