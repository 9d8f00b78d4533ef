import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endOfRun, inRuns, stacked } from "./runs.js";

const tensor = (...data: number[]) => ({ shape: [data.length], data: Float32Array.from(data) });

describe("runs of several steps", () => {
  it("end at every event, are as long as allowed between them, and are the same from the end of any of them", () => {
    const small = fc.integer({ min: 1, max: 12 });
    const property = fc.property(small, fc.array(small, { maxLength: 3 }), fc.nat(60), (most, events, last) => {
      const ends: number[] = [];
      for (let step = 0; step < last; ) {
        const end = endOfRun(step, last, most, events);
        expect(end - step).toBeGreaterThan(0);
        expect(end - step).toBeLessThanOrEqual(most);
        const isDue = (at: number) => at === last || events.some((every) => at % every === 0);
        for (let at = step + 1; at < end; at++) expect(isDue(at)).toBe(false);
        if (end - step < most) expect(isDue(end)).toBe(true);
        ends.push(end);
        step = end;
      }
      expect(ends.at(-1) ?? 0).toBe(last);
    });
    fc.assert(property, { numRuns: 300 });
    // Whose training went on from a step inside a run is back in step with the others after it.
    expect([endOfRun(5, 100, 4, [10]), endOfRun(8, 100, 4, [10]), endOfRun(10, 100, 4, [10])]).toEqual([8, 10, 14]);
  });

  it("hold steps of one program and one shape, their tensors stacked", async () => {
    const steps = [
      { program: "a", args: [tensor(1, 2), { rate: tensor(5) }] },
      { program: "a", args: [tensor(3, 4), { rate: tensor(6) }] },
      { program: "a", args: [tensor(3), { rate: tensor(6) }] },
      { program: "b", args: [tensor(3), { rate: tensor(6) }] },
    ] as const;
    const runs: unknown[] = [];
    const { state, taken } = await inRuns(0, steps, async (before, stretch) => {
      runs.push(stacked(stretch.map(({ args }) => args)));
      return { state: before + stretch.length, taken: stretch.map(({ program }) => program) };
    });
    expect([state, taken]).toEqual([4, ["a", "a", "a", "b"]]);
    expect(runs).toEqual([
      [{ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }, { rate: { shape: [2, 1], data: Float32Array.of(5, 6) } }],
      [tensor(3), { rate: tensor(6) }],
      [tensor(3), { rate: tensor(6) }],
    ]);
  });
});
