import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { importVocoder, readSafetensors, stream } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { testContext } from "../../test/context.js";
import { hifiGan } from "./vocoder.js";

const fixture = (version: string, name: string) => join(import.meta.dirname, "fixtures", version, name);
const folder = await mkdtemp(join(tmpdir(), "cmmd-hifi-gan-"));
const importing = (path: string) =>
  importVocoder(path, join(folder, "voice"), { vocoder: "hifi-gan", features: [], builtins: ["@cmmd/plugin-melgan"] });

/** What the imported vocoder makes of features, the natural logarithms made those to base 10. */
async function soundOf(data: Float32Array, bins: number) {
  const { definition } = JSON.parse(await readFile(join(folder, "voice/config.json"), "utf8")).features;
  const context = {
    ...(await testContext()),
    weights: async (source: string, file: string) => join(folder, source, file),
  };
  const vocoder = await hifiGan.open(definition, { weights: "voice" }, context);
  const features = { frames: data.length / bins, bins, data: data.map((value) => value / Math.LN10) };
  const { samples } = await vocoder.synthesise(features, stream(1, "unused"));
  await vocoder.dispose();
  return samples;
}
const largest = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

describe.each(["v1", "v3"])("HiFi-GAN %s", (version) => {
  it("makes the sound that PyTorch makes of an imported checkpoint, in blocks, too", async () => {
    const { definition } = await importing(fixture(version, "generator.pt"));
    expect(definition).toEqual({
      kind: "log10-mel",
      rate: 22050,
      bins: 6,
      window: 64,
      hop: 16,
      fmin: 0,
      fmax: 8000,
      floor: 1e-5,
    });
    const { mel, sound } = (await readSafetensors(fixture(version, "expected.safetensors"))).tensors;
    const data = mel!.data as Float32Array;
    const made = await soundOf(data, 6);
    expect(made.length).toBe(sound!.data.length);
    expect(largest(made, sound!.data as Float32Array)).toBeLessThan(1e-5);
    // The spectrogram again and again: far from its ends the sound repeats, too, wherever blocks meet.
    const frames = data.length / 6;
    const times = Math.ceil(600 / frames);
    const long = new Float32Array(times * data.length);
    for (let i = 0; i < times; i++) long.set(data, i * data.length);
    const repeated = await soundOf(long, 6);
    const period = (i: number) => repeated.subarray(i * frames * 16, (i + 1) * frames * 16);
    for (let i = 3; i < times - 2; i++) expect(largest(period(i), period(2))).toBeLessThan(1e-5);
  });
});

it("refuses what it cannot know or is not its own", async () => {
  const other = await mkdtemp(join(tmpdir(), "cmmd-hifi-gan-"));
  await cp(fixture("v1", "generator.pt"), join(other, "generator.pt"));
  const generator = join(other, "generator.pt");
  await expect(importing(generator)).rejects.toMatchObject({
    code: "CMMD342",
    hint: expect.stringMatching(/config\.json/),
  });
  const config = JSON.parse(await readFile(fixture("v1", "config.json"), "utf8"));
  const says = (changes: object) => writeFile(join(other, "config.json"), JSON.stringify({ ...config, ...changes }));
  await says({ upsample_kernel_sizes: [8, 4, 5] });
  await expect(importing(generator)).rejects.toThrow(/by 2 with a kernel of 5/);
  await says({ hop_size: 32 });
  await expect(importing(generator)).rejects.toThrow(/hop 32, but the weights are for 6 bins and hop 16/);
  await says({ resblock_kernel_sizes: [3, 7] });
  await expect(importing(generator)).rejects.toMatchObject({ code: "CMMD570" });
  await rm(join(other, "config.json"));
  await expect(importing(join(import.meta.dirname, "../fixtures/generator.pt"))).rejects.toMatchObject({
    code: "CMMD340",
  });
});
