import type { Waveform } from "@cmmd/core";
import { bandLevels } from "./band-levels.js";
import { pickPeaks } from "./peaks.js";
import { refine } from "./refine.js";

export const onsetVersion = "spectral flux 1";

/** What decides where an onset is; see the options of `event-f1`. */
export interface OnsetOptions {
  readonly threshold_db: number;
  readonly range_db: number;
  readonly gap_ms: number;
}

/** Seconds back to the frame that a frame's level is compared with. */
const lag = 0.012;

/**
 * Times (s, ascending) at which something starts to sound: spectral flux of band levels in dB, with the maximum over
 * neighbouring bands on the earlier side so that the wobble of a vocoder's partials does not count as a rise (Boeck and
 * Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013), peaks picked, then each time moved to where the energy rises.
 * An onset in the first 16 ms cannot be told from the clip's cut and is not found.
 */
export function detectOnsets(waveform: Waveform, { threshold_db, range_db, gap_ms }: OnsetOptions): number[] {
  const levels = bandLevels(waveform, range_db);
  const flux = spectralFlux(levels.data, levels.bands, Math.max(1, Math.round(lag / levels.hop)));
  return pickPeaks(flux, { threshold: threshold_db, hop: levels.hop, gap: gap_ms / 1000 }).map((frame) =>
    refine(waveform, levels.first + frame * levels.hop),
  );
}

/** Mean over bands of the rise (dB) from `lag` frames before; 0 for the first ones. `data` is [frames, bands]. */
function spectralFlux(data: Float32Array, bands: number, lag: number): Float32Array {
  const frames = data.length / bands;
  const flux = new Float32Array(frames);
  for (let t = lag; t < frames; t++) {
    let sum = 0;
    for (let b = 0; b < bands; b++) {
      let before = 0;
      for (let k = Math.max(0, b - 1); k <= Math.min(bands - 1, b + 1); k++)
        before = Math.max(before, data[(t - lag) * bands + k]!);
      sum += Math.max(0, data[t * bands + b]! - before);
    }
    flux[t] = sum / bands;
  }
  return flux;
}
