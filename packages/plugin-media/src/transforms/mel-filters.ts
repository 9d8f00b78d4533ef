/** Triangular filters over the frequency bins of a spectrum, stored without their zeros. */
export interface MelFilters {
  /** First frequency bin of each filter. */
  readonly first: Int32Array;
  /** Weights from the first frequency bin on, in the order of the filters. */
  readonly weights: readonly Float64Array[];
  /** window / 2 + 1 */
  readonly frequencies: number;
}

/** Slaney's scale: linear to 1 kHz (200/3 Hz a mel), then logarithmic (27 mels for a factor of 6.4). */
const linearStep = 200 / 3;
const breakHertz = 1000;
const breakMel = breakHertz / linearStep;
const logStep = Math.log(6.4) / 27;

function hertzToMel(hertz: number): number {
  return hertz < breakHertz ? hertz / linearStep : breakMel + Math.log(hertz / breakHertz) / logStep;
}

function melToHertz(mel: number): number {
  return mel < breakMel ? mel * linearStep : breakHertz * Math.exp(logStep * (mel - breakMel));
}

/**
 * Mel filters as in Slaney's Auditory Toolbox, which is what librosa.filters.mel gives by default: `bins` triangles evenly spaced in
 * mels from `fmin` to `fmax` Hz, each divided by half its width in Hz, so that its area is 1.
 */
export function melFilters(options: {
  readonly rate: number;
  readonly window: number;
  readonly bins: number;
  readonly fmin: number;
  readonly fmax: number;
}): MelFilters {
  const { rate, window, bins, fmin, fmax } = options;
  const frequencies = window / 2 + 1;
  const low = hertzToMel(fmin);
  const step = (hertzToMel(fmax) - low) / (bins + 1);
  const edges = Float64Array.from({ length: bins + 2 }, (_, i) => melToHertz(low + i * step));
  const first = new Int32Array(bins);
  const weights = Array.from({ length: bins }, (_, bin) => {
    const [left, centre, right] = [edges[bin]!, edges[bin + 1]!, edges[bin + 2]!];
    const triangle = (k: number) => {
      const hertz = (k * rate) / window;
      const height = Math.min((hertz - left) / (centre - left), (right - hertz) / (right - centre));
      return (Math.max(0, height) * 2) / (right - left);
    };
    const start = Math.max(0, Math.ceil((left * window) / rate));
    const end = Math.min(frequencies - 1, Math.floor((right * window) / rate));
    first[bin] = start;
    return Float64Array.from({ length: Math.max(0, end - start + 1) }, (_, i) => triangle(start + i));
  });
  return { first, weights, frequencies };
}
