import { describe, expect, it } from "vitest";
import { context, heard, item } from "../../test/items.js";
import { copySynthesis } from "./copy-synthesis.js";
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

it("the metric scores copies beside a control's, and counts a copy that cannot be heard as -70 LUFS", async () => {
  const named = (name: string) => ({
    waveform: { rate: 16000, samples: sounds[name]! },
    features: { frames: 2, bins: 2, data: Float32Array.from([0, 1, 2, name.length]) },
  });
  const clip = (original: string, copy: string, control: string) => ({
    ...item(`${original}, ${copy}`, [], { generated: named(copy), reference: named(original) }),
    control: heard(named(control)),
  });
  const clips = [clip("tones", "tones and noise", "tones"), clip("impact", "tones", "impact")];
  const { values, perItem } = await copySynthesis.compute({}, clips, context());
  const [mel, stft, loudness] = values;
  const expected = reference.distances.slice(0, 2).map((one) => one.convergence + one.logMagnitude);
  expect(mel).toMatchObject({ name: "log_mel_l1", value: (10 + 1) / 4 / 2, control: 0 });
  expect(stft!.value / ((expected[0]! + expected[1]!) / 2)).toBeCloseTo(1, 6);
  expect(stft!.control).toBe(0);
  const level = reference.loudness;
  const errors = [level["tones and noise"] - level.tones, level.tones - level.impact].map(Math.abs);
  expect(Math.abs(loudness!.value - (errors[0]! + errors[1]!) / 2)).toBeLessThan(0.04);
  expect(Object.keys(perItem!)).toEqual(["tones, tones and noise", "impact, tones"]);
  const silent = await copySynthesis.compute({}, [clip("tones", "nothing", "tones")], context());
  expect(Math.abs(silent.values[2]!.value - (level.tones + 70))).toBeLessThan(0.02);
  const nothing = await copySynthesis.compute({}, [clip("nothing", "tones", "tones")], context());
  expect(nothing.values.map(({ name }) => name)).toEqual(["log_mel_l1", "stft_distance"]);
});
