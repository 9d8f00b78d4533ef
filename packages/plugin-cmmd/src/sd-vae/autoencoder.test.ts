import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CmmdError, type Frames, readSafetensors, writeSafetensors } from "@cmmd/core";
import { type DeviceTensor, jit, type tf } from "@cmmd/jit";
import { expect, it } from "vitest";
import { testContext } from "../../test/context.js";
import { readWeights } from "../autoencoder/weights.js";
import { openKl } from "./autoencoder.js";
import { currentName, type KlSizes, klDecoder, klEncoder } from "./network.js";
import type { SdVaeOptions } from "./options.js";

const folder = join(import.meta.dirname, "fixtures");
const file = "autoencoder_kl.safetensors";
const path = join(folder, file);
/** Of the fixture: bench/reference/autoencoder_kl.py. */
const narrow: KlSizes = { widths: [4, 8, 12, 12], blocks: 2, groups: 4, latents: 4 };
const scale = 0.18215;
const open = (options: Partial<SdVaeOptions> = {}, base = folder) =>
  openKl({ weights: file, encode: "mean", batch: 2, memory_mb: 1000, ...options }, testContext(base), narrow);

const golden = async (name: string) => (await readSafetensors(path)).tensors[`golden.${name}`]!;
const greatest = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
};
const waves = (count: number, height: number, width: number): Frames => ({
  count,
  height,
  width,
  data: Uint8Array.from({ length: count * height * width * 3 }, (_, i) => 127 + 120 * Math.sin(i * 0.0013 + (i % 3))),
});
const newFolder = () => mkdtempSync(join(tmpdir(), "cmmd-vae-"));

it.each([
  { of: "image", to: ["mean", "deviation"], network: klEncoder(narrow) },
  { of: "latents", to: ["decoded"], network: klDecoder(narrow) },
])("equals diffusers' AutoencoderKL: $of to $to", async ({ network, of, to }) => {
  const weights = await readWeights(path, network.shapes, currentName);
  const program = jit(
    (p: Record<string, tf.Tensor>, x: tf.Tensor): Record<string, tf.Tensor> => {
      if (of === "latents")
        return {
          decoded: network
            .apply(p, x as tf.Tensor4D)
            .div(2)
            .add(0.5),
        };
      const moments = network.apply(p, x.mul(2).sub(1) as tf.Tensor4D);
      const [mean, logVariance] = moments.split(2, 3) as [tf.Tensor, tf.Tensor];
      return { mean, deviation: logVariance.mul(0.5).exp() };
    },
    { freeze: [0] },
  );
  const results: Record<string, DeviceTensor> = await program(weights, await golden(of));
  for (const name of to)
    expect(greatest((await results[name]!.read()).data, (await golden(name)).data), name).toBeLessThan(1e-5);
  await program.dispose();
});

it("scales latents, and decodes what it encodes alike", async () => {
  const [latents, decoded] = [await golden("latents"), await golden("decoded")];
  const autoencoder = open();
  expect(autoencoder.shape(24, 40)).toEqual([3, 5, 4]);
  const pictures = await autoencoder.decode(
    (latents.data as Float32Array).map((value) => value * scale),
    2,
    24,
    40,
  );
  const expected = Array.from(decoded.data, (value) => Math.min(1, Math.max(0, value)) * 255);
  expect(greatest(pictures.data, expected)).toBeLessThan(0.51);
  await autoencoder.dispose();
});

it("gives a picture the same latents in any batch, also where they are drawn at random", async () => {
  const frames = waves(3, 24, 40);
  const second = { ...frames, count: 1, data: frames.data.subarray(24 * 40 * 3, 2 * 24 * 40 * 3) };
  const [sampled, mean] = [open({ encode: "sample" }), open()];
  const all = await sampled.encode(frames);
  expect(await sampled.encode(second)).toEqual(all.slice(60, 120));
  expect(greatest(all, await mean.encode(frames))).toBeGreaterThan(0.01);
  await Promise.all([sampled.dispose(), mean.dispose()]);
});

it("says how much memory it needs, and computes in tiles with that", async () => {
  const latents = new Float32Array(8 * 12 * 4);
  const tiny = open({ memory_mb: 1 });
  const refused = await tiny.decode(latents, 1, 64, 96).catch((error: CmmdError) => error);
  expect(refused).toMatchObject({ code: "CMMD566" });
  const needed = Number(/\d+/.exec((refused as CmmdError).hint!)![0]);
  const tiled = open({ memory_mb: needed });
  expect((await tiled.decode(latents, 1, 64, 96)).data).toHaveLength(64 * 96 * 3);
  await Promise.all([tiled, tiny].map((autoencoder) => autoencoder.dispose()));
});

it("says what is wrong with weights and pictures, all of it at once", async () => {
  const base = newFolder();
  const bytes = readFileSync(path);
  writeFileSync(join(base, "cut.safetensors"), bytes.subarray(0, bytes.length / 2));
  writeFileSync(join(base, "text.safetensors"), "version https://git-lfs.github.com/spec/v1\n");
  const { tensors } = await readSafetensors(path);
  const { "encoder.conv_in.weight": changed, "encoder.conv_in.bias": _, ...others } = tensors;
  const other = { ...others, "encoder.conv_in.weight": { shape: [4, 27], data: changed!.data } };
  await writeSafetensors(join(base, "other.safetensors"), other);
  const refused = async (weights: string, code: string, message: RegExp) =>
    expect(open({ weights }, base).encode(waves(1, 24, 40))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  await refused("cut.safetensors", "CMMD410", /need \d+ bytes, but it holds \d+/);
  await refused("text.safetensors", "CMMD410", /not a valid safetensors file/);
  await refused(
    "other.safetensors",
    "CMMD570",
    /conv_in\.weight" is \[4, 27\], not \[4, 3, 3, 3\][\s\S]*conv_in\.bias" \[4\] is missing/,
  );
  expect(() => open().shape(100, 128)).toThrow(/multiples of 8, but these are 128x100/);
  await expect(open().encode({ ...waves(1, 24, 40), count: 2 })).rejects.toThrow(/5760 bytes, not 2880/);
});
