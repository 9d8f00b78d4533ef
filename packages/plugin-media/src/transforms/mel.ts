import { CmmdError, type FeatureBody, type FeatureDefinition, type Features, type Waveform } from "@cmmd/core";
import { type MelFilters, melFilters } from "./mel-filters.js";
import type { MelOptions } from "./mel-options.js";
import { melTraced } from "./mel-traced.js";
import { reflectPad, ShortTimeFourier } from "./spectrum.js";

/** The parameters of a log-mel spectrogram as numbers, checked. Throws CMMD308 when a definition is of another kind. */
export interface MelDefinition extends FeatureDefinition {
  readonly kind: "log10-mel";
  readonly fmin: number;
  readonly fmax: number;
  /** Magnitudes below it count as it. */
  readonly floor: number;
}

export function asMel(definition: FeatureDefinition): MelDefinition {
  if (definition.kind === "log10-mel") return definition as MelDefinition;
  throw new CmmdError("CMMD308", `features of kind "${definition.kind}" are not a log-mel spectrogram`, {
    hint: "Use the transform `mel` as the last of prepare.audio.",
  });
}

function define(options: MelOptions, rate: number): MelDefinition {
  const { bins, window, hop, fmin, fmax } = options;
  const wrong = [
    [!Number.isInteger(Math.log2(window)), `window ${window} is not a power of two`],
    [hop > window, `hop ${hop} is longer than window ${window}`],
    [(window - hop) % 2 !== 0, `window ${window} minus hop ${hop} is odd, so it cannot be padded evenly`],
    [fmax > rate / 2, `fmax ${fmax} Hz is above half the sample rate, ${rate / 2} Hz`],
    [fmin >= fmax, `fmin ${fmin} Hz is not below fmax ${fmax} Hz`],
  ].find(([is]) => is)?.[1];
  if (wrong)
    throw new CmmdError("CMMD308", `transform "mel": ${wrong}`, {
      hint: "At 16000 Hz, { bins: 80, window: 512, hop: 256 } are usual.",
      exitCode: 2,
    });
  return { kind: "log10-mel", rate, bins, window, hop, fmin, fmax, floor: 1e-5 };
}

/**
 * Log-mel spectrogram [frames, bins] of mono sound, framed as in MelGAN (Kumar et al. 2019): (window - hop) / 2 samples mirrored at
 * each end, no centring, so n samples give floor(n / hop) frames; log10(max(filters · |STFT|, floor)) with a Hann window.
 */
function compute(definition: FeatureDefinition, waveform: Waveform): Features {
  const { rate, bins, window, hop, floor, ...band } = asMel(definition);
  const pad = (window - hop) / 2;
  const { samples } = waveform;
  if (waveform.rate !== rate)
    throw new CmmdError("CMMD308", `a mel spectrogram for ${rate} Hz was asked of sound at ${waveform.rate} Hz`);
  if (samples.length < hop || samples.length <= pad)
    throw new CmmdError("CMMD308", `${samples.length} samples are too few for a spectrogram with window ${window}`);
  const filters = filtersOf({ rate, bins, window, fmin: band.fmin, fmax: band.fmax });
  const fourier = new ShortTimeFourier(window, hop);
  const padded = reflectPad(samples, pad);
  const frames = Math.floor(samples.length / hop);
  const spectrum = new Float64Array(2 * fourier.frequencies);
  const magnitude = new Float64Array(fourier.frequencies);
  const data = new Float32Array(frames * bins);
  for (let frame = 0; frame < frames; frame++) {
    fourier.forward(padded, frame * hop, spectrum, 0);
    for (let k = 0; k < magnitude.length; k++)
      magnitude[k] = Math.sqrt(spectrum[2 * k]! ** 2 + spectrum[2 * k + 1]! ** 2);
    for (let bin = 0; bin < bins; bin++)
      data[frame * bins + bin] = Math.log10(Math.max(filtered(filters, bin, magnitude), floor));
  }
  return { frames, bins, data };
}

function filtered(filters: MelFilters, bin: number, magnitude: Float64Array): number {
  const weights = filters.weights[bin]!;
  const first = filters.first[bin]!;
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i]! * magnitude[first + i]!;
  return sum;
}

let cached: { readonly key: string; readonly filters: MelFilters } | undefined;

function filtersOf(options: Parameters<typeof melFilters>[0]): MelFilters {
  const key = JSON.stringify(options);
  if (cached?.key !== key) cached = { key, filters: melFilters(options) };
  return cached.filters;
}

export const mel: FeatureBody<MelOptions> = {
  modality: "features",
  definition: define,
  frames: (definition, samples) => Math.floor(samples / definition.hop),
  compute,
  traced: melTraced,
};
