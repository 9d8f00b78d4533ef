import { expect, it } from "vitest";
import { finiteSound } from "./finite-sound.js";

it("says which sound is not finite, where, and what it is", () => {
  const samples = Float32Array.of(0, 0.5, Number.NaN, Number.POSITIVE_INFINITY);
  expect(() => finiteSound({ rate: 1000, samples }, "melgan", "clip 3")).toThrow(
    'the sound that the vocoder "melgan" made of clip 3 is not finite: at 0.002 s (sample 2 of 4) it is NaN',
  );
  const sound = { rate: 1000, samples: samples.subarray(0, 2) };
  expect(finiteSound(sound, "melgan", "clip 3")).toBe(sound);
});
