import { expect, test } from "vitest";
import { stream } from "../diffusion/random.js";
import { type BiquadKind, type BiquadSetting, biquad, filtered, randomBiquad } from "./biquad.js";
import reference from "./fixtures/biquad.json" with { type: "json" };

test("filters as scipy.signal.lfilter does with the same coefficients", () => {
  const samples = Float32Array.from(reference.samples);
  for (const { filtered: expected, ...setting } of reference.cases) {
    const ours = filtered(samples, biquad(setting as BiquadSetting, reference.rate));
    for (const [i, value] of expected.entries()) expect(Math.abs(ours[i]! - value), setting.kind).toBeLessThan(1e-6);
  }
});

test("random filters are of every kind, stable and within their ranges", () => {
  const kinds = new Set<BiquadKind>();
  for (let i = 0; i < 500; i++) {
    const setting = randomBiquad(stream(1, "biquad", i), 16000);
    kinds.add(setting.kind);
    const { a } = biquad(setting, 16000);
    // Both poles are within the unit circle: the stability triangle.
    expect(Math.abs(a[1])).toBeLessThan(1);
    expect(Math.abs(a[0])).toBeLessThan(1 + a[1]);
    expect(setting.frequency).toBeLessThan(8000);
    expect(Math.abs(setting.gain)).toBeLessThanOrEqual(12);
  }
  expect(kinds.size).toBe(7);
});
