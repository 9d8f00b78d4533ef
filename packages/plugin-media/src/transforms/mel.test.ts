import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { testSignal } from "../../test/signal.js";
import official from "./fixtures/audio2mel.json" with { type: "json" };
import reference from "./fixtures/mel.json" with { type: "json" };
import { mel } from "./mel.js";
import { melFilters } from "./mel-filters.js";
import type { MelOptions } from "./mel-options.js";

const options = { bins: 80, window: 512, hop: 256, fmin: 0, fmax: 8000 };

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

describe("mel", () => {
  it("has librosa's filters", () => {
    const { first, weights, frequencies } = melFilters({ ...options, rate: 16000 });
    const expected = new Float64Array(80 * frequencies);
    for (const [row, column, value] of reference.filters as [number, number, number][])
      expected[row * frequencies + column] = value;
    const dense = new Float64Array(80 * frequencies);
    weights.forEach((band, bin) => {
      dense.set(band, bin * frequencies + first[bin]!);
    });
    expect(largestDifference(dense, expected)).toBeLessThan(1e-9);
  });

  it("gives librosa's log-mel spectrogram with MelGAN's framing: 1.8 s are 112 frames", () => {
    const definition = mel.definition(options, 16000);
    const { frames, bins, data } = mel.compute(definition, { rate: 16000, samples: testSignal(28800) });
    expect([frames, bins]).toEqual(reference.shape);
    expect(mel.frames(definition, 28800)).toBe(112);
    for (const [row, expected] of Object.entries(reference.frames)) {
      const ours = data.subarray(Number(row) * bins, (Number(row) + 1) * bins);
      expect(largestDifference(ours, expected), `frame ${row}`).toBeLessThan(1e-5);
    }
    expect(data.reduce((sum, value) => sum + value, 0) / data.length).toBeCloseTo(reference.mean, 5);
  });

  it.each(["pipelines", "official"] as const)("equals Audio2Mel's and torchaudio's (%s)", (name) => {
    const { definition: wanted, frames, audio2mel, torchaudio } = official[name];
    const { rate, ...numbers } = wanted;
    const definition = mel.definition(numbers, rate);
    const found = mel.compute(definition, { rate, samples: testSignal(28800) });
    expect(found.frames).toBe(frames);
    for (const theirs of [audio2mel, torchaudio])
      for (const [row, expected] of Object.entries(theirs)) {
        const ours = found.data.subarray(Number(row) * found.bins, (Number(row) + 1) * found.bins);
        expect(largestDifference(ours, expected), `frame ${row}`).toBeLessThan(1e-4);
      }
  });

  const realOfficial = process.env.CMMD_AUDIO2MEL;
  it.skipIf(!realOfficial || !existsSync(realOfficial))(
    "equals them on real clips (bench/reference/audio2mel.py CLIPS OUT; CMMD_AUDIO2MEL=OUT)",
    () => {
      type Reference = { samples: string; audio2mel: string; torchaudio: string } & {
        definition: MelOptions & { rate: number };
      };
      const clips = JSON.parse(readFileSync(realOfficial!, "utf8")) as Record<string, Reference>;
      const floats = (text: string) => new Float32Array(Uint8Array.from(Buffer.from(text, "base64")).buffer);
      for (const [name, clip] of Object.entries(clips)) {
        const { rate, ...numbers } = clip.definition;
        const ours = mel.compute(mel.definition(numbers, rate), { rate, samples: floats(clip.samples) });
        for (const theirs of ["audio2mel", "torchaudio"] as const)
          expect(largestDifference(ours.data, floats(clip[theirs])), `${name}, ${theirs}`).toBeLessThan(1e-4);
      }
    },
  );

  it("says what is wrong with options that do not fit", () => {
    expect(() => mel.definition({ ...options, window: 500 }, 16000)).toThrow(/window 500 is not a power of two/);
    expect(() => mel.definition(options, 8000)).toThrow(/fmax 8000 Hz is above half the sample rate, 4000 Hz/);
    const definition = mel.definition(options, 16000);
    expect(() => mel.compute(definition, { rate: 8000, samples: testSignal(9000) })).toThrow(/sound at 8000 Hz/);
    expect(() => mel.compute(definition, { rate: 16000, samples: testSignal(100) })).toThrow(/too few/);
  });
});
