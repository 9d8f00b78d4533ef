import type { Features, Random, VocoderBody, Waveform } from "@cmmd/core";
import { asMel, type MelDefinition } from "../transforms/mel.js";
import { melFilters } from "../transforms/mel-filters.js";
import { mirrorEnds, ShortTimeFourier } from "../transforms/spectrum.js";
import { invertMel } from "./invert-mel.js";
import type { GriffinLimOptions } from "./options.js";

const melUpdates = 100;

/**
 * Sound of frames · hop samples whose log-mel spectrogram comes near `features`: magnitudes by non-negative least squares, phases by
 * the fast Griffin-Lim algorithm (Perraudin, Balazs and Søndergaard 2013), started from random ones.
 */
function synthesise(
  definition: MelDefinition,
  options: GriffinLimOptions,
  features: Features,
  random: Random,
): Waveform {
  const { rate, window, hop } = definition;
  const { frames } = features;
  const pad = (window - hop) / 2;
  const fourier = new ShortTimeFourier(window, hop);
  const mels = Float64Array.from(features.data, (value) => 10 ** value);
  const magnitudes = invertMel(melFilters(definition), mels, frames, melUpdates);

  const phases = randomPhases(magnitudes.length, random);
  const gain = fourier.overlapGain(frames);
  const padded = new Float64Array(gain.length);
  const stride = 2 * fourier.frequencies;
  const toSignal = () => {
    padded.fill(0);
    for (let frame = 0; frame < frames; frame++) fourier.addInverse(phases, frame * stride, padded, frame * hop);
    for (let i = 0; i < padded.length; i++) padded[i]! *= gain[i]!;
    mirrorEnds(padded, pad);
  };

  scale(phases, magnitudes);
  let previous = new Float64Array(phases.length);
  let rebuilt = new Float64Array(phases.length);
  for (let iteration = 0; iteration < options.iterations; iteration++) {
    toSignal();
    for (let frame = 0; frame < frames; frame++) fourier.forward(padded, frame * hop, rebuilt, frame * stride);
    for (let i = 0; i < phases.length; i++)
      phases[i] = rebuilt[i]! + (iteration === 0 ? 0 : options.momentum * (rebuilt[i]! - previous[i]!));
    scale(phases, magnitudes);
    [previous, rebuilt] = [rebuilt, previous];
  }
  toSignal();
  return { rate, samples: Float32Array.from(padded.subarray(pad, pad + frames * hop), clip) };
}

function clip(sample: number): number {
  return Math.max(-1, Math.min(1, sample));
}

/** Complex numbers of modulus 1, real and imaginary parts alternating. */
function randomPhases(count: number, random: Random): Float64Array {
  const phases = new Float64Array(2 * count);
  for (let i = 0; i < count; i++) {
    const angle = 2 * Math.PI * random.uniform();
    phases[2 * i] = Math.cos(angle);
    phases[2 * i + 1] = Math.sin(angle);
  }
  return phases;
}

/** Gives every complex number of `spectra` the modulus in `magnitudes`. */
function scale(spectra: Float64Array, magnitudes: Float64Array): void {
  for (let i = 0; i < magnitudes.length; i++) {
    const modulus = Math.sqrt(spectra[2 * i]! ** 2 + spectra[2 * i + 1]! ** 2);
    const factor = modulus > 1e-12 ? magnitudes[i]! / modulus : 0;
    spectra[2 * i]! *= factor;
    spectra[2 * i + 1]! *= factor;
  }
}

export const griffinLimVocoder: VocoderBody<GriffinLimOptions> = {
  async open(definition, options) {
    const melDefinition = asMel(definition);
    return {
      synthesise: async (features, random) => synthesise(melDefinition, options, features, random),
      dispose: async () => {},
    };
  },
};
