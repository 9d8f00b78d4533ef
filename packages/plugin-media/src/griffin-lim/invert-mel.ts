import type { MelFilters } from "../transforms/mel-filters.js";

/**
 * Non-negative magnitudes [frames, frequencies] whose mel spectrum is `mels` [frames, bins], in the least-squares sense, by the
 * multiplicative updates of Lee and Seung (2000): s <- s · (Wᵀ m) / (Wᵀ W s), from s = Wᵀ m.
 */
export function invertMel(filters: MelFilters, mels: Float64Array, frames: number, updates: number): Float64Array {
  const { frequencies, weights, first } = filters;
  const bins = weights.length;
  const magnitudes = new Float64Array(frames * frequencies);
  const target = new Float64Array(frequencies);
  const estimate = new Float64Array(frequencies);
  for (let frame = 0; frame < frames; frame++) {
    const magnitude = magnitudes.subarray(frame * frequencies, (frame + 1) * frequencies);
    const mel = mels.subarray(frame * bins, (frame + 1) * bins);
    spread(filters, mel, target);
    magnitude.set(target);
    const projected = new Float64Array(bins);
    for (let update = 0; update < updates; update++) {
      for (let bin = 0; bin < bins; bin++) {
        const band = weights[bin]!;
        let sum = 0;
        for (let i = 0; i < band.length; i++) sum += band[i]! * magnitude[first[bin]! + i]!;
        projected[bin] = sum;
      }
      spread(filters, projected, estimate);
      for (let k = 0; k < frequencies; k++) if (estimate[k]! > 0) magnitude[k]! *= target[k]! / estimate[k]!;
    }
  }
  return magnitudes;
}

/** out = Wᵀ mel */
function spread({ weights, first }: MelFilters, mel: Float64Array, out: Float64Array): void {
  out.fill(0);
  for (let bin = 0; bin < weights.length; bin++) {
    const band = weights[bin]!;
    for (let i = 0; i < band.length; i++) out[first[bin]! + i]! += band[i]! * mel[bin]!;
  }
}
