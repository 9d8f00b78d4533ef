import { CmmdError, type Context, type Frames, type NamedTensors } from "@cmmd/core";
import { leadingEigen } from "./leading-eigen.js";
import type { PatchPcaOptions } from "./options.js";
import { grid, readPatch } from "./patches.js";

/**
 * Principal components of the training frames' patches: `mean` [d], `components` [channels, d] with orthonormal rows, `deviation`
 * [channels] that latents are divided by, and `psnr_db` of the reconstruction, 8-bit rounding included; d = patch · patch · 3.
 */
export async function fitPatches(
  frames: () => AsyncIterable<Frames>,
  options: PatchPcaOptions,
  context: Context,
): Promise<NamedTensors> {
  const { patch, channels } = options;
  const d = patch * patch * 3;
  if (channels > d)
    throw new CmmdError(
      "CMMD309",
      `patches of ${patch}x${patch} have ${d} dimensions, fewer than ${channels} channels`,
      {
        hint: `Set latents.channels to ${d} or less.`,
        exitCode: 2,
      },
    );
  const total = await countPatches(frames, patch, context.signal);
  if (total === 0) throw new CmmdError("CMMD309", "there are no training frames to fit patch-pca to");
  const { mean, covariance } = await moments(frames, patch, Math.ceil(total / options.patches), context.signal);
  const { values, vectors } = leadingEigen(covariance, d, channels);
  const kept = values.map((value) => Math.max(value, 0));
  const variance = kept.reduce((sum, value) => sum + value, 0) / channels;
  const deviation = Float32Array.from(kept, (value) => Math.sqrt(options.whiten ? value : variance) || 1);
  let trace = 0;
  for (let i = 0; i < d; i++) trace += covariance[i * d + i]!;
  const dropped = Math.max(trace - variance * channels, 0);
  const rounding = (2 / 255) ** 2 / 12;
  const psnr = 10 * Math.log10(4 / (dropped / d + rounding));
  context.log(
    `patch-pca: ${channels} of ${d} components hold ${percent(1 - dropped / (dropped + variance * channels))} of the variance, PSNR ${psnr.toFixed(1)} dB`,
  );
  return {
    mean: { shape: [d], data: Float32Array.from(mean) },
    components: { shape: [channels, d], data: Float32Array.from(vectors) },
    deviation: { shape: [channels], data: deviation },
    psnr_db: { shape: [1], data: Float32Array.of(psnr) },
  };
}

function percent(fraction: number): string {
  return `${(100 * (Number.isFinite(fraction) ? fraction : 1)).toFixed(1)} %`;
}

async function countPatches(frames: () => AsyncIterable<Frames>, patch: number, signal: AbortSignal): Promise<number> {
  let total = 0;
  for await (const run of frames()) {
    signal.throwIfAborted();
    const { rows, columns } = grid(run.height, run.width, patch);
    total += run.count * rows * columns;
  }
  return total;
}

/** Mean and covariance of every `stride`-th patch. `stride` patches from one to the next walk over all places of a picture. */
async function moments(
  frames: () => AsyncIterable<Frames>,
  patch: number,
  stride: number,
  signal: AbortSignal,
): Promise<{ mean: Float64Array; covariance: Float64Array }> {
  const d = patch * patch * 3;
  const sum = new Float64Array(d);
  const products = new Float64Array(d * d);
  const values = new Float64Array(d);
  let index = 0;
  let count = 0;
  for await (const run of frames()) {
    signal.throwIfAborted();
    const { rows, columns } = grid(run.height, run.width, patch);
    const places = rows * columns;
    for (let frame = 0; frame < run.count; frame++) {
      for (let place = 0; place < places; place++, index++) {
        if ((index + Math.floor(index / places)) % stride !== 0) continue;
        readPatch(run, frame, Math.floor(place / columns), place % columns, patch, values);
        accumulate(values, sum, products);
        count++;
      }
    }
  }
  const mean = sum.map((value) => value / count);
  const covariance = products;
  for (let i = 0; i < d; i++)
    for (let j = i; j < d; j++) {
      const value = products[i * d + j]! / count - mean[i]! * mean[j]!;
      covariance[i * d + j] = value;
      covariance[j * d + i] = value;
    }
  return { mean, covariance };
}

function accumulate(values: Float64Array, sum: Float64Array, products: Float64Array): void {
  const d = values.length;
  for (let i = 0; i < d; i++) {
    const value = values[i]!;
    sum[i]! += value;
    for (let j = i, at = i * d + i; j < d; j++, at++) products[at]! += value * values[j]!;
  }
}
