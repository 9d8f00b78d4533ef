import { describe, expect, it } from "vitest";
import { cosineSchedule, linearSchedule } from "./schedule.js";

describe("cosine schedule", () => {
  const schedule = cosineSchedule(1000);

  it("has the values that the specification gives", () => {
    expect(schedule.alphaBar(0)).toBe(1);
    expect(schedule.alphaBar(999)).toBeCloseTo(2.43e-6, 8);
    expect(schedule.alphaBar(1000)).toBeCloseTo(2.43e-9, 11);
  });

  it("follows Nichol and Dhariwal's f(n) / f(0) up to the clipped last step", () => {
    const f = (n: number) => Math.cos(((n / 1000 + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
    for (let n = 0; n < 1000; n++) expect(Math.abs(schedule.alphaBar(n) - f(n) / f(0))).toBeLessThan(1e-12);
  });
});

describe("linear schedule", () => {
  it("ends where DDPM's does", () => {
    // prod(1 - linspace(1e-4, 0.02, 1000)) of Ho et al. (2020)
    expect(linearSchedule(1000).alphaBar(1000)).toBeCloseTo(4.0358e-5, 8);
  });
});
