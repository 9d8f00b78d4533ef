import type { Random } from "../diffusion/random.js";

/** A second-order filter: y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]. */
interface Biquad {
  readonly b: readonly [number, number, number];
  readonly a: readonly [number, number];
}

/** What a filter does: `frequency` in Hz, `gain` in dB (of the last three kinds alone). */
export interface BiquadSetting {
  readonly kind: BiquadKind;
  readonly frequency: number;
  readonly q: number;
  readonly gain: number;
}

/** What the cookbook's formulas are made of: the cosine of the angle, alpha, and A, the root of the amplitude. */
interface Terms {
  readonly cos: number;
  readonly alpha: number;
  readonly A: number;
}
type Coefficients = readonly [b0: number, b1: number, b2: number, a0: number, a1: number, a2: number];

/** R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients". */
const formulas = {
  lowpass: ({ cos, alpha }: Terms): Coefficients => [
    (1 - cos) / 2,
    1 - cos,
    (1 - cos) / 2,
    1 + alpha,
    -2 * cos,
    1 - alpha,
  ],
  highpass: ({ cos, alpha }: Terms): Coefficients => [
    (1 + cos) / 2,
    -1 - cos,
    (1 + cos) / 2,
    1 + alpha,
    -2 * cos,
    1 - alpha,
  ],
  bandpass: ({ cos, alpha }: Terms): Coefficients => [alpha, 0, -alpha, 1 + alpha, -2 * cos, 1 - alpha],
  notch: ({ cos, alpha }: Terms): Coefficients => [1, -2 * cos, 1, 1 + alpha, -2 * cos, 1 - alpha],
  peaking: ({ cos, alpha, A }: Terms): Coefficients => [
    1 + alpha * A,
    -2 * cos,
    1 - alpha * A,
    1 + alpha / A,
    -2 * cos,
    1 - alpha / A,
  ],
  "low-shelf": ({ cos, alpha, A }: Terms): Coefficients => {
    const slope = 2 * Math.sqrt(A) * alpha;
    return [
      A * (A + 1 - (A - 1) * cos + slope),
      2 * A * (A - 1 - (A + 1) * cos),
      A * (A + 1 - (A - 1) * cos - slope),
      A + 1 + (A - 1) * cos + slope,
      -2 * (A - 1 + (A + 1) * cos),
      A + 1 + (A - 1) * cos - slope,
    ];
  },
  "high-shelf": ({ cos, alpha, A }: Terms): Coefficients => {
    const slope = 2 * Math.sqrt(A) * alpha;
    return [
      A * (A + 1 + (A - 1) * cos + slope),
      -2 * A * (A - 1 + (A + 1) * cos),
      A * (A + 1 + (A - 1) * cos - slope),
      A + 1 - (A - 1) * cos + slope,
      2 * (A - 1 - (A + 1) * cos),
      A + 1 - (A - 1) * cos - slope,
    ];
  },
} as const;
export type BiquadKind = keyof typeof formulas;

/** The coefficients of a filter for sound at `rate` Hz, a0 divided out. */
export function biquad({ kind, frequency, q, gain }: BiquadSetting, rate: number): Biquad {
  const angle = (2 * Math.PI * frequency) / rate;
  const terms = { cos: Math.cos(angle), alpha: Math.sin(angle) / (2 * q), A: 10 ** (gain / 40) };
  const [b0, b1, b2, a0, a1, a2] = formulas[kind](terms);
  return { b: [b0 / a0, b1 / a0, b2 / a0], a: [a1 / a0, a2 / a0] };
}

/** The filtered sound, as long as `samples`, from rest; in double precision. */
export function filtered(samples: Float32Array, { b: [b0, b1, b2], a: [a1, a2] }: Biquad): Float32Array {
  const out = new Float32Array(samples.length);
  let [s1, s2] = [0, 0];
  for (let n = 0; n < samples.length; n++) {
    const x = samples[n]!;
    const y = b0 * x + s1;
    s1 = b1 * x - a1 * y + s2;
    s2 = b2 * x - a2 * y;
    out[n] = y;
  }
  return out;
}

/** Between which frequencies, as shares of the sample rate, and which Q a kind is drawn: never so that nearly nothing is left of a sound. */
const ranges: Readonly<
  Record<BiquadKind, { readonly frequency: readonly [number, number]; readonly q: readonly [number, number] }>
> = {
  lowpass: { frequency: [0.1, 0.45], q: [0.5, 2] },
  highpass: { frequency: [0.002, 0.06], q: [0.5, 2] },
  bandpass: { frequency: [0.02, 0.2], q: [0.25, 1] },
  notch: { frequency: [0.01, 0.45], q: [0.5, 4] },
  peaking: { frequency: [0.005, 0.45], q: [0.3, 4] },
  "low-shelf": { frequency: [0.005, 0.1], q: [0.5, 1] },
  "high-shelf": { frequency: [0.1, 0.45], q: [0.5, 1] },
};
/** Gains are drawn from as many dB below to above 0. */
const mostGain = 12;

/** A filter of random kind; frequency and Q even on a logarithmic scale, the gain even in dB. */
export function randomBiquad(random: Random, rate: number): BiquadSetting {
  const kinds = Object.keys(ranges) as BiquadKind[];
  const kind = kinds[random.integer(kinds.length)]!;
  const logarithmic = ([low, high]: readonly [number, number]) => low * (high / low) ** random.uniform();
  const { frequency, q } = ranges[kind];
  return {
    kind,
    frequency: rate * logarithmic(frequency),
    q: logarithmic(q),
    gain: mostGain * (2 * random.uniform() - 1),
  };
}
