import { type Arrays, cosineSchedule, stream } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { body } from "./ddim.js";
import { uniformTimes } from "./times.js";

describe("ddim", () => {
  it("visits n = 1000, 995, ..., 5, 0", () => {
    const visited = uniformTimes(1000, 200);
    expect(visited).toHaveLength(201);
    expect(visited.slice(0, 3)).toEqual([1000, 995, 990]);
    expect(visited.slice(-3)).toEqual([10, 5, 0]);
  });

  // Spec section 7.1 (c): with the exact network of N(0, std^2), 200 steps give these deviations.
  it.each([
    [0.25, 0.246],
    [0.5, 0.4995],
    [1, 0.988],
    [2, 1.975],
  ])("samples N(0, %f^2) with the exact network", async (std, expected) => {
    const schedule = cosineSchedule(1000);
    const count = 4000;
    const start = stream(5, "start").normal(count);
    const estimate = (x: Float32Array, n: number) => {
      const alphaBar = schedule.alphaBar(n);
      const s = Math.sqrt(alphaBar);
      const gain = (s * std * std) / (alphaBar * std * std + 1 - alphaBar);
      const x0 = x.map((value) => gain * value);
      return { x0, eps: x.map((value, i) => (value - s * x0[i]!) / Math.sqrt(1 - alphaBar)) };
    };
    const spread = (x: Float32Array) => Math.sqrt(x.reduce((a, b) => a + b * b, 0) / count);
    const { audio } = await body.sample(
      { steps: 200, eta: 0 },
      async (x, n) => {
        const { x0, eps } = estimate(x.audio, n);
        return { x0: { video: x.video, audio: x0 }, eps: { video: x.video, audio: eps } };
      },
      { video: start, audio: start } satisfies Arrays,
      {
        schedule,
        noise: () => ({ video: start, audio: start }),
        evaluated: () => {},
        signal: new AbortController().signal,
      },
    );
    // The specification measured a finite sample of starts; here its spread is divided out.
    expect(Math.abs(spread(audio) / spread(start) / expected - 1)).toBeLessThan(0.012);
  });
});
