import type { StftSizes } from "@cmmd/core";

/** Resolutions of the spectral distance, in samples: those of Parallel WaveGAN (Yamamoto et al. 2020), its shortest hop made to divide its window. */
export const resolutions: readonly (StftSizes & { readonly points: number })[] = [
  { points: 512, hop: 60, window: 240 },
  { points: 1024, hop: 120, window: 600 },
  { points: 2048, hop: 240, window: 1200 },
];
/** Fewest samples that can be mirrored at their ends as the longest window asks. */
export const shortestSpectrum = Math.max(...resolutions.map(({ window, hop }) => (window - hop) / 2)) + 2;
