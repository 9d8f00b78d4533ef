import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { importVocoder, readSafetensors, stream } from "@cmmd/core";
import { expect, it } from "vitest";
import { testContext } from "../test/context.js";
import { officialDefinition } from "./definitions.js";
import type { GeneratorOptions } from "./sizes.js";
import { melgan } from "./vocoder.js";

const fixture = (name: string) => join(import.meta.dirname, "fixtures", name);
const folder = await mkdtemp(join(tmpdir(), "cmmd-import-"));
const importing = (features: string[], vocoder = "melgan") =>
  importVocoder(fixture("generator.pt"), join(folder, "voice"), {
    vocoder,
    features,
    builtins: ["@cmmd/plugin-melgan"],
  });

it("imports a checkpoint of PyTorch that then makes the sound that PyTorch makes", async () => {
  const { tensors, metadata } = await readSafetensors(fixture("networks.safetensors"));
  const { bins, ratios } = JSON.parse(metadata.generator!) as GeneratorOptions;
  const expected = { ...officialDefinition(bins, 12), rate: 16000, fmax: 8000 };
  const { definition } = await importing(["rate=16000", "fmax=8000"]);
  expect([ratios, definition]).toEqual([[4, 3], expected]);
  const vocoder = await melgan.open(definition, { weights: "voice" }, { ...(await testContext()), weights: async (source, file) => join(folder, source, file) }); // biome-ignore format: one line
  const { mel, generated } = tensors;
  const [batch, frames] = mel!.shape as [number, number];
  for (let i = 0; i < batch; i++) {
    const data = (mel!.data as Float32Array).slice(i * frames * bins, (i + 1) * frames * bins);
    const { samples, rate } = await vocoder.synthesise({ frames, bins, data }, stream(1, "unused"));
    expect(rate).toBe(16000);
    samples.forEach((sample, at) => {
      expect(Math.abs(sample - generated!.data[i * samples.length + at]!)).toBeLessThan(2e-6);
    });
  }
  await vocoder.dispose();
});

it("says what is wrong with features and names", async () => {
  await expect(importing(["fmx=8000"])).rejects.toThrow(expect.objectContaining({ code: "CMMD345", hint: 'Did you mean "fmax"?' })); // biome-ignore format: one line
  await expect(importing(["rate=fast"])).rejects.toThrow(/fast is no number/);
  await expect(importing([], "melgna")).rejects.toThrow(expect.objectContaining({ code: "CMMD345", hint: 'Did you mean "melgan"?' })); // biome-ignore format: one line
});
