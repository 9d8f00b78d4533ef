import { stream } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { f1Interval } from "./interval.js";
import type { Tally } from "./tally.js";

const clip = (matched: number): Tally => ({ events: 1, onsets: 1, matched, offset: 0, absoluteOffset: 0 });
const clips = (hits: number, misses: number) =>
  [...Array(hits).fill(clip(1)), ...Array(misses).fill(clip(0))] as Tally[];

describe("f1Interval", () => {
  it.each([
    // Quantiles 0.025 and 0.975 of Binomial(20, 0.5) and Binomial(40, 0.8), from tables.
    { hits: 10, misses: 10, low: 6 / 20, high: 14 / 20 },
    { hits: 32, misses: 8, low: 27 / 40, high: 37 / 40 },
  ])("of $hits hits in single events is the binomial one", ({ hits, misses, low, high }) => {
    const interval = f1Interval(clips(hits, misses), stream(1, "test"))!;
    const step = 1 / (hits + misses);
    expect(Math.abs(interval[0] - low)).toBeLessThanOrEqual(step + 1e-12);
    expect(Math.abs(interval[1] - high)).toBeLessThanOrEqual(step + 1e-12);
  });

  it("is the same at every run, and a point when all clips are alike", () => {
    expect(f1Interval(clips(3, 4), stream(1, "a"))).toEqual(f1Interval(clips(3, 4), stream(1, "a")));
    expect(f1Interval(clips(5, 0), stream(1, "a"))).toEqual([1, 1]);
    expect(f1Interval(clips(1, 0), stream(1, "a"))).toBeUndefined();
  });
});
