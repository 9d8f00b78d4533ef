import { type FeatureBody, fourierBasis, magnitudes } from "@cmmd/core";
import { asMel } from "./mel.js";
import { melFilters } from "./mel-filters.js";

/** The log-mel spectrogram of `mel` inside a program: the transform as a matrix product with the windowed Fourier basis, then with the filters. */
export const melTraced: NonNullable<FeatureBody<unknown>["traced"]> = {
  constants(definition) {
    const { rate, window, hop, bins, fmin, fmax } = asMel(definition);
    const { first, weights, frequencies } = melFilters({ rate, window, bins, fmin, fmax });
    const filters = new Float32Array(frequencies * bins);
    for (const [bin, own] of weights.entries())
      for (const [i, weight] of own.entries()) filters[(first[bin]! + i) * bins + bin] = weight;
    return { basis: fourierBasis({ window, hop }), filters: { shape: [frequencies, bins], data: filters } };
  },
  compute(definition, { basis, filters }, waveform) {
    const { bins, floor } = asMel(definition);
    const spectrum = magnitudes(basis!, waveform, definition);
    const [batch, frames, frequencies] = spectrum.shape;
    const mel = spectrum.reshape([batch * frames, frequencies]).matMul(filters!);
    return mel.maximum(floor).log().mul(Math.LOG10E).reshape([batch, frames, bins]);
  },
};
