import { type LossBody, type NamedTensor, stack, type UseNegative } from "@cmmd/core";
import { tf } from "@cmmd/jit";
import { describeWeighting } from "./diffusion.js";
import { describeTerms, negativeErrors, runaway } from "./negative-terms.js";
import type { ContrastiveOptions } from "./options.js";

type Modality = "video" | "audio";
const modalities = ["audio", "video"] as const;

const entries = (options: ContrastiveOptions, modality: Modality) =>
  (options.negatives[modality] ?? []) as readonly UseNegative[];

/**
 * The negative half of the joint contrastive loss (Eq. 9, Algorithm 1): -eta (L(v, a-) + L(v-, a)), where each L is the joint
 * diffusion loss with targets built from the negative pair's own data and noise. The positive half is the loss `diffusion`.
 * The positive's step n and the kept modality's noise are shared.
 */
export const body: LossBody<ContrastiveOptions> = {
  describe(options) {
    const names = modalities.filter((m) => entries(options, m).length > 0).map((m) => `${m}⁻`);
    return `${describeTerms(options.eta, names)}${describeWeighting(options.weighting)}`;
  },

  draw(options, { clips, shape }, { random, negative }) {
    const drawn: Record<string, NamedTensor> = {};
    const kept = clips.slice(0, options.batch);
    for (const modality of modalities) {
      if (entries(options, modality).length === 0) continue;
      const size = shape[modality];
      const values = size.reduce((a: number, b) => a * b, 1);
      drawn[modality] = stack(
        kept.map((clip, i) => negative(entries(options, modality), clip, modality, random(`negative ${modality}`, i))),
        size,
      );
      drawn[`${modality} noise`] = stack(
        kept.map((_, i) => random(`negative noise ${modality}`, i).normal(values)),
        size,
      );
    }
    return drawn;
  },

  value({ eta, batch: own, weights, weighting }, batch, drawn, network, parametrisation) {
    const count = Math.min(own, batch.n.shape[0]);
    const replacements = modalities.flatMap((modality) => {
      const data = drawn[modality];
      const noise = drawn[`${modality} noise`];
      return data && noise ? [{ modality, data, noise }] : [];
    });
    const { video, audio } = negativeErrors(batch, count, replacements, network, parametrisation, weighting);
    // The mean over all pairs is the sum of both terms divided by their number.
    const joint = tf.add(tf.mul(video.error, weights.video), tf.mul(audio.error, weights.audio));
    const negative = tf.mul(joint, replacements.length) as tf.Scalar;
    const relative = tf.maximum(video.relative, audio.relative) as tf.Scalar;
    return { loss: tf.mul(negative, -eta) as tf.Scalar, log: { negative, relative } };
  },

  runaway,
};
