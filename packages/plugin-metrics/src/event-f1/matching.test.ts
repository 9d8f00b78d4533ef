import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchEvents } from "./matching.js";
import { f1, precision, recall, tally } from "./tally.js";

const cases = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/matching.json"), "utf8")) as {
  reference: number[];
  estimated: number[];
  window: number;
  matched: number;
  f: number;
  p: number;
  r: number;
}[];

describe("matchEvents", () => {
  it("matches as many as mir_eval, with its precision, recall and F", () => {
    for (const { reference, estimated, window, matched, f, p, r } of cases) {
      const one = tally(reference, estimated, window);
      expect(one.matched).toBe(matched);
      expect(precision(one)).toBeCloseTo(p, 12);
      expect(recall(one)).toBeCloseTo(r, 12);
      expect(f1(one) ?? 0).toBeCloseTo(f, 12);
    }
  });

  it("takes as many pairs as the greedy sweep, each once, within the tolerance", () => {
    const times = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 12 }).map((ms) => ms.sort((a, b) => a - b));
    fc.assert(
      fc.property(times, times, fc.integer({ min: 0, max: 100 }), (reference, detected, tolerance) => {
        const matches = matchEvents(reference, detected, tolerance);
        let greedy = 0;
        for (let i = 0, j = 0; i < reference.length && j < detected.length; ) {
          const difference = detected[j]! - reference[i]!;
          if (Math.abs(difference) <= tolerance) {
            greedy++;
            i++;
            j++;
          } else if (difference < 0) j++;
          else i++;
        }
        expect(matches.length).toBe(greedy);
        expect(new Set(matches.map(([i]) => i)).size).toBe(greedy);
        expect(new Set(matches.map(([, j]) => j)).size).toBe(greedy);
        for (const [i, j] of matches) expect(Math.abs(reference[i]! - detected[j]!)).toBeLessThanOrEqual(tolerance);
      }),
    );
  });

  it("prefers the nearest among equally many", () => {
    expect(matchEvents([1], [0.95, 1.01, 1.09], 0.1)).toEqual([[0, 1]]);
    expect(matchEvents([1, 1.1], [1.09], 0.1)).toEqual([[1, 0]]);
  });
});
