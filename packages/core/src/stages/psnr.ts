import type { Shards } from "../data/shards.js";
import type { OpenAutoencoder } from "../plugin/components.js";
import type { Context } from "../plugin/context.js";
import { readFrames } from "./originals.js";
import type { Pictures } from "./pictures.js";

/** Pictures whose reconstruction is compared with the original. */
const compared = 48;
/** Squared error that counts for none at all, so that the ratio stays a number. */
const least = 1e-10;

/** Peak signal-to-noise ratio in dB of 8-bit pictures from their mean squared error; 148 dB when there is none. */
export const psnr = (meanSquaredError: number) => 10 * Math.log10(255 ** 2 / Math.max(meanSquaredError, least));

/** The mean squared error of 8-bit values. */
function meanSquaredError(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum / a.length;
}

/**
 * PSNR in dB of what decoding the stored latents gives, over pictures spread evenly over the clips that are not trained on (all clips when
 * there are no others). `frames` are those of a clip without its context.
 */
export async function reconstructionPsnr(
  prepared: Shards,
  pictures: Pictures,
  encoded: Shards,
  autoencoder: OpenAutoencoder,
  frames: number,
  { signal, progress }: Pick<Context, "signal" | "progress">,
): Promise<number> {
  const held = prepared.index.filter(({ split }) => split !== "train");
  const rows = held.length > 0 ? held : prepared.index;
  const total = rows.length * frames;
  const count = Math.min(compared, total);
  const chosen = Array.from(rows, (): number[] => []);
  for (let i = 0; i < count; i++) {
    const place = Math.floor(((i + 0.5) * total) / count);
    chosen[Math.floor(place / frames)]!.push(place % frames);
  }
  let error = 0;
  let done = 0;
  for (const [clip, places] of chosen.entries()) {
    if (places.length === 0) continue;
    signal.throwIfAborted();
    const { id, before } = rows[clip]!;
    const original = await readFrames(pictures, id, before as number, frames);
    const latents = await encoded.tensor(id, "latents");
    const [perPicture, perLatent] = [original.data.length / frames, latents.data.length / latents.shape[0]!];
    const pick = <T extends Uint8Array | Float32Array>(data: T, size: number, skipped: number): T => {
      const picked = data.slice(0, places.length * size) as T;
      places.forEach((place, i) => {
        const from = (place + skipped) * size;
        picked.set(data.subarray(from, from + size), i * size);
      });
      return picked;
    };
    const decoded = await autoencoder.decode(
      pick(latents.data as Float32Array, perLatent, before as number),
      places.length,
      original.height,
      original.width,
    );
    error += meanSquaredError(pick(original.data, perPicture, 0), decoded.data) * places.length;
    done += places.length;
    progress(done, count, "pictures decoded");
  }
  return psnr(error / count);
}
