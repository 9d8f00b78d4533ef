import FFT from "fft.js";

/** Periodic Hann window, as scipy.signal.get_window and torch.hann_window give it by default. */
function hann(length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length));
}

/** The signal with `pad` samples mirrored at each end, without repeating the end samples. Needs more than `pad` samples. */
export function reflectPad(samples: ArrayLike<number>, pad: number): Float64Array {
  const padded = new Float64Array(samples.length + 2 * pad);
  padded.set(samples, pad);
  mirrorEnds(padded, pad);
  return padded;
}

/** Overwrites the first and last `pad` samples with the mirror image of what is inside. */
export function mirrorEnds(padded: Float64Array, pad: number): void {
  const end = padded.length - 1;
  for (let i = 0; i < pad; i++) {
    padded[i] = padded[2 * pad - i]!;
    padded[end - i] = padded[end - 2 * pad + i]!;
  }
}

/** Short-time Fourier transforms of one window length (a power of two) with a periodic Hann window. */
export class ShortTimeFourier {
  readonly window: number;
  readonly hop: number;
  readonly frequencies: number;
  private readonly fft: FFT;
  private readonly shape: Float64Array;
  private readonly frame: Float64Array;
  private readonly spectrum: Float64Array;
  private readonly signal: Float64Array;

  constructor(window: number, hop: number) {
    this.window = window;
    this.hop = hop;
    this.frequencies = window / 2 + 1;
    this.fft = new FFT(window);
    this.shape = hann(window);
    this.frame = new Float64Array(window);
    this.spectrum = new Float64Array(2 * window);
    this.signal = new Float64Array(2 * window);
  }

  /** Spectrum of the frame that starts at `start`, into `out` from `offset` on: real and imaginary parts alternate. */
  forward(padded: Float64Array, start: number, out: Float64Array, offset: number): void {
    for (let i = 0; i < this.window; i++) this.frame[i] = padded[start + i]! * this.shape[i]!;
    this.fft.realTransform(this.spectrum, this.frame);
    for (let i = 0; i < 2 * this.frequencies; i++) out[offset + i] = this.spectrum[i]!;
  }

  /** Adds the windowed signal of the spectrum at `offset` of `spectra` to `padded` from `start` on. */
  addInverse(spectra: Float64Array, offset: number, padded: Float64Array, start: number): void {
    for (let i = 0; i < 2 * this.frequencies; i++) this.spectrum[i] = spectra[offset + i]!;
    this.fft.completeSpectrum(this.spectrum);
    this.fft.inverseTransform(this.signal, this.spectrum);
    for (let i = 0; i < this.window; i++) padded[start + i]! += this.signal[2 * i]! * this.shape[i]!;
  }

  /** 1 / sum of the squared windows over each sample of `frames` frames: what overlapping `addInverse` calls must be multiplied by. */
  overlapGain(frames: number): Float64Array {
    const sum = new Float64Array((frames - 1) * this.hop + this.window);
    for (let frame = 0; frame < frames; frame++)
      for (let i = 0; i < this.window; i++) sum[frame * this.hop + i]! += this.shape[i]! ** 2;
    return sum.map((value) => (value > 1e-8 ? 1 / value : 0));
  }
}
