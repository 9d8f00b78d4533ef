import type { Random } from "@cmmd/core";
import { f1, sum, type Tally } from "./tally.js";

const resamples = 2000;

/** 95 % percentile interval of the pooled F1 when the clips are drawn again with replacement (Efron 1979); undefined below two clips. */
export function f1Interval(tallies: readonly Tally[], random: Random): readonly [number, number] | undefined {
  if (tallies.length < 2) return undefined;
  const scores = Float64Array.from(
    { length: resamples },
    () =>
      // Draws without event or onset score nothing, like a pool without them.
      f1(sum(tallies.map(() => tallies[random.integer(tallies.length)]!))) ?? 0,
  ).sort();
  return [scores[Math.floor(0.025 * (resamples - 1))]!, scores[Math.ceil(0.975 * (resamples - 1))]!];
}
