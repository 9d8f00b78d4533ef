import { existsSync } from "node:fs";
import { join } from "node:path";
import { type NamedTensor, readSafetensors } from "@cmmd/core";
import { expect, it } from "vitest";
import { testContext } from "../../test/context.js";
import { transpose } from "../../test/formula.js";
import { taef2 } from "./autoencoder.js";

const data = process.env.CMMD_TEST_DATA ?? join(import.meta.dirname, "../../../../../shared/data");
const path = join(data, "golden/taef2_golden.safetensors");

const options = {
  encoder: "taef2_encoder.safetensors",
  decoder: "taef2_decoder.safetensors",
  batch: 2,
  memory_mb: 1000,
};
const lastChannels = ({ shape, data }: NamedTensor) => transpose(data as Float32Array, shape, [0, 2, 3, 1]);
const greatest = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
};

it.skipIf(!existsSync(path))(
  `taef2 against PyTorch with the published weights (skipped where ${path} is absent)`,
  async () => {
    const { image, latent, reconstruction } = (await readSafetensors(path)).tensors;
    const autoencoder = await taef2.open(undefined, options, testContext(join(data, "weights")));
    expect(autoencoder.shape(64, 64)).toEqual([8, 8, 32]);
    const [frames, latents, expected] = [image!, latent!, reconstruction!].map(lastChannels) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    // The golden image is of bytes.
    const bytes = Uint8Array.from(frames, (value) => Math.round(value * 255));
    expect(
      greatest(
        Float32Array.from(bytes, (value) => value / 255),
        frames,
      ),
    ).toBeLessThan(1e-6);
    const encoded = await autoencoder.encode({ count: 2, height: 64, width: 64, data: bytes });
    expect(greatest(encoded, latents)).toBeLessThan(5e-5);
    const decoded = await autoencoder.decode(latents, 2, 64, 64);
    const rounded = expected.map((value) => Math.min(1, Math.max(0, value)) * 255);
    expect(greatest(decoded.data, rounded)).toBeLessThan(0.501);
    await autoencoder.dispose();
  },
);
