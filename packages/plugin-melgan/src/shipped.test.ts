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

/** White noise at -72 dB of full scale, and from frame 20 to 40 at -20 dB: the log-mel of either is flat but for its grain. */
const grain = stream(3, "grain").normal(60 * 80);
const features = {
  frames: 60,
  bins: 80,
  data: grain.map((x, i) => (i >= 20 * 80 && i < 40 * 80 ? -1.45 : -4.05) + 0.2 * x),
};

it("makes noise of its level with the weights that come with it, of at most 2 MB", async () => {
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
  expect(Math.abs(level(22, 38) + 20)).toBeLessThan(6);
  expect(Math.max(level(2, 15), level(45, 58))).toBeLessThan(-60);
});
