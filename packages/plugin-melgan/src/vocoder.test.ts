import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FeatureDefinition, type Features, type NamedTensors, stream, writeSafetensors } from "@cmmd/core";
import { jit, type tf } from "@cmmd/jit";
import { describe, expect, it } from "vitest";
import { testContext } from "../test/context.js";
import { blocksOf, margin } from "./blocks.js";
import { discriminatorParameters } from "./discriminator.js";
import { generate, generatorParameters } from "./generator.js";
import type { GeneratorOptions } from "./sizes.js";
import { melgan } from "./vocoder.js";
import { initialise } from "./weight-norm.js";

const sizes: GeneratorOptions = { bins: 8, ngf: 4, ratios: [4, 2, 2], residual_layers: 3 };
const definition: FeatureDefinition = {
  kind: "log10-mel",
  rate: 16000,
  bins: 8,
  window: 64,
  hop: 16,
  fmin: 0,
  fmax: 8000,
  floor: 1e-5,
};
const parameters = initialise(generatorParameters(sizes), (name) => stream(7, name));
const context = await testContext();
const random = stream(1, "unused");

async function save(name: string, tensors: NamedTensors, config: unknown = { features: { definition } }) {
  await mkdir(join(context.folder, name));
  await writeSafetensors(join(context.folder, name, "model.safetensors"), tensors);
  if (config !== undefined) await writeFile(join(context.folder, name, "config.json"), JSON.stringify(config));
}
await save("trained", parameters);

const features = (frames: number): Features => {
  const normal = stream(3, "features").normal(frames * 8);
  return { frames, bins: 8, data: normal.map((value) => value - 2) };
};
const open = (weights = "trained", given = definition) => melgan.open(given, { weights }, context);

describe("melgan", () => {
  it("computes long spectrograms in blocks as if it were at once", async () => {
    const whole = jit((p: Record<string, tf.Tensor>, mel: tf.Tensor) => generate(sizes, p, mel as tf.Tensor3D));
    const vocoder = await open();
    for (const frames of [255, 256, 257, 700]) {
      const given = features(frames);
      const { samples, rate } = await vocoder.synthesise(given, random);
      const expected = await (await whole(parameters, { shape: [1, frames, 8], data: given.data })).read();
      expect([rate, samples.length]).toEqual([16000, frames * 16]);
      const worst = samples.reduce((most, x, i) => Math.max(most, Math.abs(x - (expected.data[i] as number))), 0);
      expect(worst).toBeLessThan(1e-6);
    }
    await Promise.all([vocoder.dispose(), whole.dispose()]);
  });

  it("keeps every frame of blocks once, as far from their edges as sound depends on", () => {
    const official = { bins: 80, ngf: 32, ratios: [8, 8, 2, 2], residual_layers: 3 };
    expect(margin(official)).toBe(7);
    for (const frames of [33, 64, 65, 1000]) {
      const blocks = blocksOf(frames, 32, 7);
      blocks.forEach(({ start, from, to }, i) => {
        expect(from).toBe(blocks[i - 1]?.to ?? 0);
        expect(from - start >= 7 || start === 0).toBe(true);
        expect(start + 32 - to >= 7 || to === frames).toBe(true);
        expect(to).toBeGreaterThan(from);
      });
      expect(blocks.at(-1)!.to).toBe(frames);
    }
  });

  it("makes as many samples of a single frame as it stands for, and something of silence", async () => {
    const vocoder = await open();
    for (const frames of [1, 2, 3]) {
      const silent = { frames, bins: 8, data: new Float32Array(frames * 8).fill(-5) };
      const { samples } = await vocoder.synthesise(silent, random);
      expect(samples.length).toBe(frames * 16);
      expect(samples.every((x) => Math.abs(x) <= 1)).toBe(true);
    }
    await vocoder.dispose();
  });

  it("refuses features that no sound can be made of", async () => {
    const vocoder = await open();
    const broken = features(3);
    broken.data[10] = Number.NaN;
    for (const [given, message] of [
      [broken, /NaN in frame 1, bin 2/],
      [{ frames: 2, bins: 4, data: new Float32Array(8) }, /4 bins, but the vocoder takes 8/],
      [{ frames: 0, bins: 8, data: new Float32Array(0) }, /0 frames/],
    ] as const) {
      const attempt = vocoder.synthesise(given, random);
      await expect(attempt).rejects.toThrow(expect.objectContaining({ code: "CMMD343" }));
      await expect(attempt).rejects.toThrow(message);
    }
    await vocoder.dispose();
  });

  it("refuses features of another definition, and shows both", async () => {
    const attempt = open("trained", { ...definition, rate: 22050, fmax: 11025 });
    await expect(attempt).rejects.toThrow(expect.objectContaining({ code: "CMMD341" }));
    await expect(attempt).rejects.toThrow(/\(rate, fmax\):\n.*rate 16000.*fmax 8000.*\n.*rate 22050.*fmax 11025/);
  });

  it("refuses weights of another configuration or network", async () => {
    await save("undefined", parameters, null);
    await save("elsewhere", parameters, { features: { definition: { ...definition, hop: 32 } } });
    await save("discriminators", initialise(discriminatorParameters({ scales: 1, ndf: 4, layers: 1, factor: 2 }), (name) => stream(7, name))); // biome-ignore format: one line
    const { "model.5.shortcut.bias": _, ...incomplete } = parameters;
    await save("incomplete", incomplete);
    const bias = { shape: [1], data: Float32Array.of(Number.NaN) };
    await save("diverged", { ...parameters, "model.19.bias": bias });
    await expect(open("undefined")).rejects.toThrow(expect.objectContaining({ code: "CMMD342" }));
    await expect(open("elsewhere")).rejects.toThrow(/hop 32, but the weights are for 8 bins and hop 16/);
    await expect(open("discriminators")).rejects.toThrow(/not the weights of a MelGAN generator/);
    await expect(open("incomplete")).rejects.toThrow(/"model.5.shortcut.bias" \[16\] is missing/);
    await expect(open("diverged")).rejects.toThrow(/not finite: model.19.bias/);
  });

  it("reads weights as newer versions of PyTorch name them, in a checkpoint of more than the generator", async () => {
    const renamed = Object.entries(parameters).map(([name, tensor]) => [
      `generator.${name.replace("weight_g", "parametrizations.weight.original0").replace("weight_v", "parametrizations.weight.original1")}`,
      tensor,
    ]);
    await save("checkpoint", { ...Object.fromEntries(renamed), "optimizer.step": { shape: [1], data: Float32Array.of(3) } }); // biome-ignore format: one line
    const [first, second] = await Promise.all([open(), open("checkpoint")]);
    const of = async (vocoder: typeof first) => (await vocoder.synthesise(features(20), random)).samples;
    expect(await of(second)).toEqual(await of(first));
    await Promise.all([first.dispose(), second.dispose()]);
  });
});
