import type { Frames } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { testContext } from "../../test/context.js";
import { patchPcaAutoencoder } from "./autoencoder.js";

const options = { patch: 8, channels: 4, whiten: false, patches: 100_000 };

/** Moving coloured waves with a sharp edge: smooth enough to compress, not so smooth that nothing is lost. */
function waves(count: number, height = 32, width = 48): Frames {
  const data = new Uint8Array(count * height * width * 3);
  for (let f = 0, i = 0; f < count; f++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < 3; c++, i++) {
          const wave = Math.sin(0.21 * x + 0.13 * y + 0.7 * f + c) + (x > (y * 1.7 + 5 * f) % width ? 0.6 : 0);
          data[i] = Math.max(0, Math.min(255, Math.round(110 + 60 * wave)));
        }
  return { count, height, width, data };
}

async function* runs(frames: Frames): AsyncGenerator<Frames> {
  const size = frames.height * frames.width * 3;
  for (let at = 0; at < frames.count; at += 5) {
    const count = Math.min(5, frames.count - at);
    yield { ...frames, count, data: frames.data.subarray(at * size, (at + count) * size) };
  }
}

async function fitted(changes: Partial<typeof options> = {}, frames = waves(12)) {
  const context = await testContext();
  const used = { ...options, ...changes };
  const weights = await patchPcaAutoencoder.fit!(() => runs(frames), used, context);
  return { weights, context, autoencoder: await patchPcaAutoencoder.open(weights, used, context) };
}

function psnr(a: Frames, b: Frames): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i]! - b.data[i]!) ** 2;
  return 10 * Math.log10((255 * 255 * a.data.length) / sum);
}

describe("patch-pca", () => {
  it("reports the PSNR that its own reconstruction has, and latents of unit variance", async () => {
    const frames = waves(12);
    const { weights, autoencoder, context } = await fitted();
    expect(autoencoder.shape(32, 48)).toEqual([4, 6, 4]);
    const latents = await autoencoder.encode(frames);
    const measured = psnr(frames, await autoencoder.decode(latents, 12, 32, 48));
    expect(measured).toBeCloseTo(weights.psnr_db!.data[0]!, 1);
    expect(context.logged.join()).toContain(`PSNR ${weights.psnr_db!.data[0]!.toFixed(1)} dB`);
    const mean = latents.reduce((sum, z) => sum + z, 0) / latents.length;
    expect(mean).toBeCloseTo(0, 4);
    expect(latents.reduce((sum, z) => sum + z * z, 0) / latents.length).toBeCloseTo(1, 4);
  });

  it("loses nothing when all components are kept", async () => {
    const frames = waves(60);
    const { autoencoder } = await fitted({ channels: 192 }, frames);
    const decoded = await autoencoder.decode(await autoencoder.encode(frames), 60, 32, 48);
    expect(decoded.data).toEqual(frames.data);
  });

  it("has orthonormal components, of which fewer are the first of more", async () => {
    const { weights } = await fitted({ channels: 6 });
    const components = weights.components!.data;
    for (let i = 0; i < 6; i++)
      for (let j = 0; j <= i; j++) {
        let dot = 0;
        for (let k = 0; k < 192; k++) dot += components[i * 192 + k]! * components[j * 192 + k]!;
        expect(dot).toBeCloseTo(i === j ? 1 : 0, 6);
      }
    expect((await fitted({ channels: 2 })).weights.components!.data).toEqual(components.slice(0, 2 * 192));
  });

  it("keeps a latent that it made: encode(decode(z)) is z, to the rounding of pixels", async () => {
    const { autoencoder } = await fitted();
    const latents = await autoencoder.encode(waves(3));
    const again = await autoencoder.encode(await autoencoder.decode(latents, 3, 32, 48));
    expect(Math.max(...latents.map((z, i) => Math.abs(z - again[i]!)))).toBeLessThan(0.02);
  });

  it("gives every channel unit variance when whitening", async () => {
    const frames = waves(12);
    const { autoencoder } = await fitted({ whiten: true });
    const latents = await autoencoder.encode(frames);
    for (let c = 0; c < 4; c++) {
      const own = latents.filter((_, i) => i % 4 === c);
      expect(own.reduce((sum, z) => sum + z * z, 0) / own.length).toBeCloseTo(1, 3);
    }
  });

  it("fits nearly the same components to a sample of the patches", async () => {
    const all = (await fitted({}, waves(60))).weights.psnr_db!.data[0]!;
    const sampled = (await fitted({ patches: 400 }, waves(60))).weights.psnr_db!.data[0]!;
    expect(Math.abs(all - sampled)).toBeLessThan(1);
  });

  it("says what does not fit", async () => {
    await expect(fitted({}, waves(2, 30, 48))).rejects.toThrow(/48x30 pixels cannot be cut into patches of 8x8/);
    await expect(fitted({ patch: 2, channels: 13 })).rejects.toThrow(/12 dimensions, fewer than 13 channels/);
    const context = await testContext();
    await expect(patchPcaAutoencoder.open(undefined, options, context)).rejects.toThrow(/lack mean \[192\]/);
    const { weights } = await fitted();
    await expect(patchPcaAutoencoder.open(weights, { ...options, channels: 5 }, context)).rejects.toThrow(
      /have components \[4,192\], not \[5,192\]/,
    );
  });
});
