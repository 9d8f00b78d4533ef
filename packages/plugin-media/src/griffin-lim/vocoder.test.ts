import { type Features, stream } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { testContext } from "../../test/context.js";
import { testSignal } from "../../test/signal.js";
import { mel } from "../transforms/mel.js";
import librosa from "./fixtures/librosa.json" with { type: "json" };
import { griffinLimVocoder } from "./vocoder.js";

const definition = mel.definition({ bins: 80, window: 512, hop: 256, fmin: 0, fmax: 8000 }, 16000);
const options = { iterations: 60, momentum: 0.99 };

async function copySynthesis(features: Features, seed = 1) {
  const vocoder = await griffinLimVocoder.open(definition, options, await testContext());
  return vocoder.synthesise(features, stream(seed, "phases"));
}

function distance(a: Features, b: Features): number {
  return a.data.reduce((sum, value, i) => sum + Math.abs(value - b.data[i]!), 0) / a.data.length;
}

describe("griffin-lim", () => {
  const features = mel.compute(definition, { rate: 16000, samples: testSignal(28672) });

  it("gives frames · hop samples whose log-mel is as near as librosa's inversion comes", async () => {
    const sound = await copySynthesis(features);
    expect(sound.samples.length).toBe(112 * 256);
    expect(distance(mel.compute(definition, sound), features)).toBeLessThan(librosa.log_mel_distance * 1.1);
  });

  it("is a pure function of the features and the seed", async () => {
    const first = await copySynthesis(features);
    expect((await copySynthesis(features)).samples).toEqual(first.samples);
    expect((await copySynthesis(features, 2)).samples).not.toEqual(first.samples);
  });

  it("makes silence of silence, and of a single frame as many samples as it stands for", async () => {
    const silent = { frames: 4, bins: 80, data: new Float32Array(320).fill(-5) };
    const { samples } = await copySynthesis(silent);
    expect(Math.max(...samples.map(Math.abs))).toBeLessThan(1e-3);
    const single = { frames: 1, bins: 80, data: features.data.slice(0, 80) };
    expect((await copySynthesis(single)).samples.length).toBe(256);
  });

  it("refuses features of another kind", async () => {
    const other = { ...definition, kind: "mfcc" };
    await expect(griffinLimVocoder.open(other, options, await testContext())).rejects.toThrow(/kind "mfcc"/);
  });
});
