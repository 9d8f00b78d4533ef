import type { Features, Waveform } from "@cmmd/core";
import { integratedLoudness } from "./loudness.js";
import { type SpectralDistance, stftDistance } from "./stft-distance.js";

/** A sound and its features. */
export interface Heard {
  readonly waveform: Waveform;
  readonly features: Features;
}

/** Shorter sounds cannot be mirrored at their ends as the longest transform asks. */
const fewestSamples = 1025;

/** How far a copy is from its original; 0 everywhere for an equal one. */
export interface CopyDistance {
  /** Mean absolute difference of the features. */
  readonly features: number;
  /** Undefined for sounds shorter than 1025 samples. */
  readonly spectrum: SpectralDistance | undefined;
  /** Absolute difference of the integrated loudness in dB; undefined where the original is silent or shorter than 0.4 s. */
  readonly loudness: number | undefined;
}

/** LUFS below which ITU-R BS.1770 hears nothing: how loud a copy counts that is as good as silent. */
const inaudible = -70;

/** Distance of two sounds of the same length and rate. */
export function copyDistance(original: Heard, copy: Heard): CopyDistance {
  const { rate, samples } = original.waveform;
  const own = original.features.data;
  const difference = own.reduce((sum, value, i) => sum + Math.abs(value - copy.features.data[i]!), 0);
  const loudness = integratedLoudness(samples, rate);
  return {
    features: difference / own.length,
    spectrum: samples.length < fewestSamples ? undefined : stftDistance(samples, copy.waveform.samples),
    loudness:
      loudness === undefined
        ? undefined
        : Math.abs(loudness - (integratedLoudness(copy.waveform.samples, rate) ?? inaudible)),
  };
}
