import { describe, expect, it } from "vitest";
import { toolHeight } from "./motion.js";
import { planBench } from "./plan.js";

const plans = (variety: number, distractors: number) =>
  Array.from({ length: 40 }, (_, i) => planBench(3, i, { seconds: 20, variety, distractors }));
const distinct = (values: readonly unknown[]) => new Set(values).size;

describe("plans of the bench", () => {
  it("have one to two strokes a second, at least 0.35 s apart", () => {
    let count = 0;
    for (const { strokes, offScreen } of plans(1, 0.3)) {
      const times = [...strokes, ...offScreen].map(({ time }) => time).sort((a, b) => a - b);
      count += times.length;
      for (const [i, time] of times.entries()) expect(time - (times[i - 1] ?? 0)).toBeGreaterThan(0.35);
    }
    expect(count / (40 * 20)).toBeGreaterThan(1);
    expect(count / (40 * 20)).toBeLessThan(2);
  });

  it("differ as much as `variety` says, and are disturbed as often as `distractors` says", () => {
    const [same, some, all] = [plans(0, 0), plans(0.3, 0), plans(1, 0)].map((set) =>
      distinct(set.map(({ tool, material }) => `${tool} ${material}`)),
    );
    expect([same, some, all]).toEqual([1, 4, 9]);
    expect(distinct(plans(0, 0).map(({ objectX, hues, pitch }) => [objectX, hues, pitch].join()))).toBe(1);
    expect(
      plans(1, 0).every(({ strokes, offScreen }) => offScreen.length === 0 && strokes.every((s) => s.contact)),
    ).toBe(true);
    const disturbed = plans(1, 0.3).map(({ strokes, offScreen }) => [
      strokes.length + offScreen.length,
      offScreen.length + strokes.filter(({ contact }) => !contact).length,
    ]);
    const [total, wrong] = [0, 1].map((k) => disturbed.reduce((sum, pair) => sum + pair[k]!, 0));
    expect(Math.abs(wrong! / total! - 0.3)).toBeLessThan(0.05);
  });

  it("move the tool without jumps, down to 0 at contacts alone", () => {
    for (const { strokes } of plans(1, 0.3).slice(0, 10)) {
      for (const { time, contact } of strokes) {
        const height = toolHeight(strokes, time);
        if (contact) expect(height).toBe(0);
        else expect(height).toBeGreaterThan(0.25);
      }
      const heights = Array.from({ length: 20_000 }, (_, i) => toolHeight(strokes, i / 1000));
      expect(Math.min(...heights)).toBeGreaterThanOrEqual(0);
      // Falling at full speed, a millisecond takes it no further than 2 heights / 0.13 s.
      const jumps = heights.slice(1).map((height, i) => Math.abs(height - heights[i]!));
      expect(Math.max(...jumps)).toBeLessThan(0.02);
    }
  });
});
