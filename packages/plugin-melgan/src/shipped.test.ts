import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type FeatureDefinition, stream } from "@cmmd/core";
import { expect, it } from "vitest";
import { testContext } from "../test/context.js";
import { melgan } from "./vocoder.js";

const path = fileURLToPath(new URL("../weights/model.safetensors", import.meta.url));
const definition: FeatureDefinition = {
  kind: "log10-mel",
  rate: 16000,
  bins: 80,
  window: 512,
  hop: 256,
  fmin: 0,
  fmax: 8000,
  floor: 1e-5,
};

/** A quiet floor, and from frame 20 to 40 a band as loud as a voice. */
const features = {
  frames: 60,
  bins: 80,
  data: Float32Array.from({ length: 60 * 80 }, (_, i) => {
    const [frame, bin] = [Math.floor(i / 80), i % 80];
    return frame >= 20 && frame < 40 && bin >= 10 && bin < 30 ? -1.2 : -4;
  }),
};

it("makes sound where there is some with the weights that come with it, of at most 2 MB", async () => {
  expect(statSync(path).size).toBeLessThan(2e6);
  const context = { ...(await testContext()), weights: async (source: string, file: string) => join(source, file) };
  const vocoder = await melgan.open(definition, {}, context);
  const { rate, samples } = await vocoder.synthesise(features, stream(1, "unused"));
  await vocoder.dispose();
  expect([rate, samples.length]).toEqual([16000, 60 * 256]);
  const level = (from: number, to: number) => {
    const part = samples.subarray(from * 256, to * 256);
    return 10 * Math.log10(part.reduce((sum, x) => sum + x * x, 0) / part.length);
  };
  expect(level(22, 38)).toBeGreaterThan(-35);
  expect(level(0, 15)).toBeLessThan(-50);
  expect(level(45, 60)).toBeLessThan(-50);
});
