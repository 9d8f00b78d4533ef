import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { impacts, type Material } from "../../test/impacts.js";
import { tally } from "../event-f1/tally.js";
import { detectOnsets } from "./onsets.js";

const options = { threshold_db: 2.5, range_db: 50, gap_ms: 60 };
const cases = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/onsets.json"), "utf8")) as {
  material: Material;
  hiss: number;
  times: number[];
  librosa: number[];
}[];

describe("detectOnsets", () => {
  it.each(cases)("finds every impact: $material over hiss $hiss", ({ material, hiss, times, librosa }) => {
    const onsets = detectOnsets(impacts(material, times, { hiss }), options);
    expect(onsets.length).toBe(times.length);
    for (const [i, onset] of onsets.entries()) expect(Math.abs(onset - times[i]!)).toBeLessThan(0.005);
    expect(tally(librosa, onsets, 0.03).matched).toBe(times.length);
  });

  it.each([8000, 22050, 44100])("keeps the times at %i Hz", (rate) => {
    const times = [0.2, 0.7, 1.1];
    const onsets = detectOnsets(impacts("wood", times, { rate }), options);
    expect(onsets.length).toBe(3);
    for (const [i, onset] of onsets.entries()) expect(Math.abs(onset - times[i]!)).toBeLessThan(0.005);
  });

  it("does not depend on loudness", () => {
    const sound = impacts("metal", [0.3, 0.9], { hiss: 0.003 });
    const quiet = { rate: sound.rate, samples: sound.samples.map((x) => x / 256) };
    expect(detectOnsets(quiet, options)).toEqual(detectOnsets(sound, options));
  });

  it("finds nothing in silence, steady noise, a steady tone, or less than a window", () => {
    const tone = Float32Array.from({ length: 28800 }, (_, i) => 0.3 * Math.sin((2 * Math.PI * 440 * i) / 16000));
    expect(detectOnsets(impacts("wood", []), options)).toEqual([]);
    expect(detectOnsets(impacts("wood", [], { hiss: 0.2 }), options)).toEqual([]);
    expect(detectOnsets({ rate: 16000, samples: tone }, options)).toEqual([]);
    expect(detectOnsets({ rate: 16000, samples: new Float32Array(100) }, options)).toEqual([]);
    expect(detectOnsets({ rate: 16000, samples: new Float32Array(0) }, options)).toEqual([]);
  });
});
