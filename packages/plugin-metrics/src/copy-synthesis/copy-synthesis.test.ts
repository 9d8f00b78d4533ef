import { describe, expect, it } from "vitest";
import reference from "./fixtures/sound-distances.json" with { type: "json" };
import { integratedLoudness } from "./loudness.js";
import { stftDistance } from "./stft-distance.js";

/** As the reference script makes them. */
function sound([low, high, noise, decay, samples, rate]: readonly number[]): Float32Array {
  return Float32Array.from({ length: samples! }, (_, i) => {
    const tone = (strength: number, hertz: number) => strength * Math.sin((2 * Math.PI * hertz * i) / rate!);
    const grain = (Math.abs(Math.sin(i * 12.9898) * 4375.85) % 1) * 2 - 1;
    return (tone(low!, 440) + tone(high!, 3000)) * Math.exp(-i / rate! / decay!) + noise! * grain;
  });
}
const sounds = Object.fromEntries(Object.entries(reference.sounds).map(([name, values]) => [name, sound(values)]));

describe("distances of copies", () => {
  it.each(reference.distances)("of the spectra equal torch's: $original, $copy", ({ original, copy, ...expected }) => {
    const distance = stftDistance(sounds[original]!, sounds[copy]!);
    expect(distance.convergence / expected.convergence).toBeCloseTo(1, 6);
    expect(distance.logMagnitude / expected.logMagnitude).toBeCloseTo(1, 6);
    expect(stftDistance(sounds[copy]!, sounds[copy]!)).toEqual({ convergence: 0, logMagnitude: 0 });
  });

  it.each(Object.entries(reference.loudness))("loudness equals FFmpeg's ebur128: %s", (name, expected) => {
    const [, , , , , rate] = reference.sounds[name as keyof typeof reference.sounds];
    // FFmpeg sorts blocks into a histogram of 0.01 LU.
    expect(Math.abs(integratedLoudness(sounds[name]!, rate!)! - expected)).toBeLessThan(0.02);
  });

  it("gives silence no loudness, nor what is shorter than a block", () => {
    expect(integratedLoudness(sounds.nothing!, 16000)).toBeUndefined();
    expect(integratedLoudness(sounds.tones!.slice(0, 6000), 16000)).toBeUndefined();
  });
});
