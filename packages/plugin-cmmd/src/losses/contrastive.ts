import { diffuse, type LossBody, type NamedTensor, type PairShape, stack, type UseNegative } from "@cmmd/core";
import { tf } from "@cmmd/jit";
import { jointError } from "./diffusion.js";
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
    return `− ${options.eta.toExponential().replace("e-", "e-0")}·(${names.join(" + ")})`;
  },

  draw(options, { clips, shape }, { random, negative }) {
    const drawn: Record<string, NamedTensor> = {};
    const kept = clips.slice(0, options.batch);
    for (const modality of modalities) {
      if (entries(options, modality).length === 0) continue;
      const size = shape[modality satisfies keyof PairShape];
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

  value(options, batch, drawn, network, parametrisation) {
    const count = Math.min(options.batch, batch.n.shape[0]);
    const first = <T extends tf.Tensor>(x: T): T => tf.slice(x, [0], [count]);
    const positive = {
      video: first(batch.video),
      audio: first(batch.audio),
      noise: { video: first(batch.noise.video), audio: first(batch.noise.audio) },
      n: first(batch.n),
      alphaBar: first(batch.alphaBar),
    };
    const pairs = modalities.flatMap((modality) => {
      const data = drawn[modality];
      const noise = drawn[`${modality} noise`];
      if (!data || !noise) return [];
      return [{ ...positive, [modality]: data, noise: { ...positive.noise, [modality]: noise }, modality }];
    });
    const join = <T extends tf.Tensor>(part: (pair: (typeof pairs)[number]) => T): T =>
      (pairs.length === 1 ? part(pairs[0]!) : tf.concat(pairs.map(part), 0)) as T;
    const all = {
      video: join((pair) => pair.video),
      audio: join((pair) => pair.audio),
      noise: { video: join((pair) => pair.noise.video), audio: join((pair) => pair.noise.audio) },
      n: join((pair) => pair.n),
      alphaBar: join((pair) => pair.alphaBar),
    };
    const outputs = network(
      diffuse(all.video, all.noise.video, all.alphaBar),
      diffuse(all.audio, all.noise.audio, all.alphaBar),
      all.n,
    );
    // The mean over the joined pairs is the sum of both terms divided by their number.
    const { video, audio } = jointError(outputs, all, parametrisation);
    const sum = tf.mul(tf.add(video, audio), pairs.length) as tf.Scalar;
    return { loss: tf.mul(sum, -options.eta) as tf.Scalar, log: { negative: sum } };
  },
};
