import type { OptionProblem, PipelineFacts } from "@cmmd/core";
import {
  type CdcdOptions,
  type ContrastiveOptions,
  type DiffusionOptions,
  recommendedEta,
  type Weighting,
} from "./options.js";
import { stepWeight } from "./weighting.js";

/** What these losses' entries have in common. */
interface Entry {
  readonly use: string;
  readonly from: number;
  readonly until?: number;
  readonly weighting: Weighting;
}
type Shares = Readonly<Record<"video" | "audio", number>>;
interface Term {
  readonly from: number;
  readonly until: number;
  /** How much each modality's error counts, negative terms with their sign, at one alphaBar. */
  shares(alphaBar: number): Shares;
}

/** How much each modality's error counts in the losses known here, at weight 1 of the diffusion step. */
const factors: Readonly<Record<string, (options: never) => Shares>> = {
  diffusion: ({ weights }: DiffusionOptions) => weights,
  contrastive: ({ eta, weights, negatives: { audio = [], video = [] } }: ContrastiveOptions) => {
    const terms = -eta * (Math.min(audio.length, 1) + Math.min(video.length, 1));
    return { video: terms * weights.video, audio: terms * weights.audio };
  },
  cdcd: ({ eta, modality, count }: CdcdOptions) => ({ video: 0, audio: 0, [modality]: -eta * count }),
};

/** Undefined for another plugin's loss, which may hold what these do not. */
function termOf(entry: Entry, predict: PipelineFacts["predict"]): Term | undefined {
  const factor = factors[entry.use]?.(entry as never);
  if (!factor) return undefined;
  return {
    from: entry.from,
    until: entry.until ?? Number.POSITIVE_INFINITY,
    shares: (alphaBar) => {
      const weight = stepWeight(entry.weighting, predict, alphaBar);
      return { video: factor.video * weight, audio: factor.audio * weight };
    },
  };
}

interface Excess {
  readonly n: number;
  readonly modality: "video" | "audio";
  readonly positive: number;
  readonly negative: number;
}

/** Where the negative terms outweigh the positive ones most, of all diffusion steps and both modalities; undefined where nothing is negative. */
function worst(terms: readonly Term[], { schedule }: PipelineFacts): Excess | undefined {
  let found: Excess | undefined;
  for (let n = 1; n <= schedule.steps; n++) {
    const shares = terms.map((term) => term.shares(schedule.alphaBar(n)));
    for (const modality of ["video", "audio"] as const) {
      const positive = shares.reduce((sum, share) => sum + Math.max(share[modality], 0), 0);
      const negative = shares.reduce((sum, share) => sum - Math.min(share[modality], 0), 0);
      const more = !found || negative * found.positive >= found.negative * positive;
      if (negative > 0 && more) found = { n, modality, positive, negative };
    }
  }
  return found;
}

const short = (value: number) => Number(value.toPrecision(3)).toString();

/** What to do about an eta that must stay below `limit`. */
const smallerEta = (limit: number) =>
  limit > recommendedEta
    ? `Write eta: 5e-5, which is recommended; it must stay well below ${short(limit)}. Negative and positive terms should have the same weights and weighting.`
    : `Give the negative terms the weights and the weighting of the positive ones, e.g. weighting: { min_snr: 5 } in both; as they are, eta would have to stay well below ${short(limit)}.`;

/** What a loss with negatives refuses: no negatives at all (CMMD543), more clips than a batch has (CMMD544), a diverging eta (CMMD542). */
export function checkNegativeTerms(
  entry: { readonly eta: number; readonly batch: number; readonly negatives: object },
  facts: PipelineFacts,
): readonly OptionProblem[] {
  const problems = [...checkEta(entry, facts)];
  if (Object.values(entry.negatives).flat().length === 0)
    problems.push({
      option: "negatives",
      code: "CMMD543",
      message: "the loss has no negatives, so it would add nothing",
      hint: "Name some, e.g. audio: [{ use: temporal-shift }], or remove the loss.",
    });
  if (facts.batch !== undefined && entry.batch > facts.batch)
    problems.push({
      option: "batch",
      code: "CMMD544",
      message: `${entry.batch} clips get negatives, but a batch has ${facts.batch}`,
      hint: `Write batch: ${facts.batch} or fewer, or raise train.batch.`,
    });
  return problems;
}

/**
 * Refuses (CMMD542) an eta for which the objective has no minimum. What the network makes of one modality alone has the same distribution in
 * positive and negative pairs, so at every diffusion step and for each modality the positive errors must count more than the negative ones:
 * with two negative terms and equal weights, eta < 1/2 (at n = N this is the exact condition; at smaller n it is necessary).
 */
function checkEta(entry: { readonly eta: number }, facts: PipelineFacts): readonly OptionProblem[] {
  const own = termOf(entry as unknown as Entry, facts.predict);
  const terms = facts.losses.map((loss) => termOf(loss as unknown as Entry, facts.predict));
  const known = terms.filter((term) => term !== undefined);
  if (!own || known.length < terms.length) return [];
  // What is in force changes only where a loss begins or ends.
  const moments = [own.from, ...known.flatMap(({ from, until }) => [from, until])];
  for (const step of moments.filter((moment) => moment >= own.from && moment < own.until)) {
    const excess = worst(
      known.filter(({ from, until }) => step >= from && step < until),
      facts,
    );
    if (!excess || excess.negative < excess.positive) continue;
    const { n, modality, positive, negative } = excess;
    const message =
      positive === 0
        ? `with eta ${entry.eta} nothing holds the negative terms: at training step ${step} no diffusion loss of the ${modality} is in force, so the objective falls without limit`
        : `eta ${entry.eta} diverges: at diffusion step ${n} the negative errors of the ${modality} count ${short(negative)} and the positive ones ${short(positive)}, so the objective falls without limit`;
    const hint =
      positive === 0
        ? `Let the loss "diffusion" be in force whenever this one is, with a weight above 0 for the ${modality}.`
        : smallerEta((entry.eta * positive) / negative);
    return [{ option: "eta", code: "CMMD542", message, hint }];
  }
  return [];
}
