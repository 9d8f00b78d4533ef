import { diffuse, type LossBody, type Network, type Pair, type Parametrisation, type TrainingBatch } from "@cmmd/core";
import { tf } from "@cmmd/jit";
import { jointError, type ModalityError } from "./error.js";
import { recommendedEta, type Weighting } from "./options.js";

/** What stands in for one modality of the batch's first clips: other data with noise of its own. */
interface Replacement {
  readonly modality: "video" | "audio";
  readonly data: tf.Tensor;
  readonly noise: tf.Tensor;
}

/**
 * Errors of the network on negative pairs, the mean over all replacements, from one evaluation. The first `count` clips of the positive batch
 * each become one pair by replacement; the step n and the kept modality's noise are the positive's, targets are those of the pair's own data
 * and noise (Eq. 9; Algorithm 1 prints the positive's target there).
 */
export function negativeErrors(
  batch: TrainingBatch,
  count: number,
  replacements: readonly Replacement[],
  network: Network,
  parametrisation: Parametrisation,
  weighting: Weighting,
): Pair<ModalityError> {
  const first = <T extends tf.Tensor>(x: T): T => tf.slice(x, [0], [count]);
  const positive = {
    video: first(batch.video),
    audio: first(batch.audio),
    noise: { video: first(batch.noise.video), audio: first(batch.noise.audio) },
    n: first(batch.n),
    alphaBar: first(batch.alphaBar),
  };
  const pairs = replacements.map(({ modality, data, noise }) => ({
    ...positive,
    [modality]: data,
    noise: { ...positive.noise, [modality]: noise },
  }));
  const join = <T extends tf.Tensor>(part: (pair: typeof positive) => T): T =>
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
  return jointError(outputs, all, parametrisation, weighting);
}

/** e.g. `− 5e-05·(audio⁻ + video⁻)` */
export function describeTerms(eta: number, terms: readonly string[]): string {
  const written = eta.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  const times = eta / recommendedEta;
  const remark = times > 1.001 ? ` (eta is ${Number(times.toPrecision(2))} times the recommended 5e-05: watch L⁻)` : "";
  return `− ${written}·(${terms.join(" + ")})${remark}`;
}

/**
 * The negative terms are unbounded: a network that can tell negatives may gain without limit by answering them ever more wrongly. Both signs of
 * that are looked for: answers far beyond the size of what they should be, and an objective below zero, which no error of positives has.
 */
export const runaway: NonNullable<LossBody<{ readonly runaway: number; readonly eta: number }>["runaway"]> = (
  options,
  { negative, relative, loss },
) => {
  if (relative !== undefined && relative > options.runaway)
    return `the error on negative pairs (L⁻ = ${negative?.toPrecision(3)}) is ${relative.toPrecision(3)} times the mean square of what the network should predict, above the limit of ${options.runaway} (option "runaway"): it is driven away from the negatives rather than towards the clips; lower eta (${options.eta}; 5e-5 is recommended) or choose negatives that are harder to tell`;
  if (loss !== undefined && loss < 0)
    return `the objective fell below zero (${loss.toPrecision(3)}): the negative terms (L⁻ = ${negative?.toPrecision(3)}) outweigh the clips' own error; lower eta (${options.eta}; 5e-5 is recommended)`;
  return undefined;
};
