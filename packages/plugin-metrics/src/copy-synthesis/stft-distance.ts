import FFT from "fft.js";

/** Samples: of the transform, between two frames, of the window. */
interface Resolution {
  readonly points: number;
  readonly hop: number;
  readonly window: number;
}

/** Those of Parallel WaveGAN (Yamamoto, Song and Kim 2020), for any sample rate. */
const resolutions: readonly Resolution[] = [
  { points: 1024, hop: 120, window: 600 },
  { points: 2048, hop: 240, window: 1200 },
  { points: 512, hop: 50, window: 240 },
];
/** Squared magnitudes below it count as it. */
const leastPower = 1e-8;

export interface SpectralDistance {
  /** |S - S'| / |S| in the Frobenius norm, S the magnitudes of the original. */
  readonly convergence: number;
  /** Mean of |ln S - ln S'|. */
  readonly logMagnitude: number;
}

/** Magnitudes frame after frame: centred frames, both ends mirrored, a periodic Hann window amid zeros where it is shorter than the transform. */
function magnitudesOf(samples: Float32Array, { points, hop, window }: Resolution): Float64Array {
  const half = points / 2;
  const last = samples.length - 1;
  const at = (i: number) => samples[i < 0 ? -i : i > last ? 2 * last - i : i]!;
  const start = (points - window) >> 1;
  const shape = Float64Array.from({ length: window }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / window));
  const fft = new FFT(points);
  const frame = new Float64Array(points);
  const spectrum = new Float64Array(2 * points);
  const frames = 1 + Math.floor(samples.length / hop);
  const magnitudes = new Float64Array(frames * (half + 1));
  for (let f = 0; f < frames; f++) {
    for (let i = 0; i < window; i++) frame[start + i] = at(f * hop - half + start + i) * shape[i]!;
    fft.realTransform(spectrum, frame);
    for (let k = 0; k <= half; k++)
      magnitudes[f * (half + 1) + k] = Math.sqrt(
        Math.max(leastPower, spectrum[2 * k]! ** 2 + spectrum[2 * k + 1]! ** 2),
      );
  }
  return magnitudes;
}

/**
 * Multi-resolution STFT distance of two sounds of the same length, more than 1024 samples: the means over three resolutions. The distance as one
 * number is the sum of both.
 */
export function stftDistance(original: Float32Array, copy: Float32Array): SpectralDistance {
  let [convergence, logMagnitude] = [0, 0];
  for (const resolution of resolutions) {
    const [s, t] = [magnitudesOf(original, resolution), magnitudesOf(copy, resolution)];
    let [difference, square, logarithms] = [0, 0, 0];
    for (let i = 0; i < s.length; i++) {
      difference += (s[i]! - t[i]!) ** 2;
      square += s[i]! ** 2;
      logarithms += Math.abs(Math.log(s[i]! / t[i]!));
    }
    convergence += Math.sqrt(difference / square) / resolutions.length;
    logMagnitude += logarithms / s.length / resolutions.length;
  }
  return { convergence, logMagnitude };
}
