interface Filter {
  readonly b: readonly [number, number, number];
  readonly a: readonly [number, number];
}

/** The analogue filters behind ITU-R BS.1770's coefficients for 48 kHz, at any rate by the bilinear transform. */
function weighting(rate: number): readonly Filter[] {
  const shelf = { hertz: 1681.974450955533, q: 0.7071752369554196, decibel: 3.999843853973347 };
  const highpass = { hertz: 38.13547087602444, q: 0.5003270373238773 };
  const terms = ({ hertz, q }: { hertz: number; q: number }) => {
    const k = Math.tan((Math.PI * hertz) / rate);
    const a0 = 1 + k / q + k * k;
    return { k, a0, a: [(2 * (k * k - 1)) / a0, (1 - k / q + k * k) / a0] as const };
  };
  const { k, a0, a } = terms(shelf);
  const high = 10 ** (shelf.decibel / 20);
  const middle = high ** 0.4996667741545416;
  return [
    {
      b: [
        (high + (middle * k) / shelf.q + k * k) / a0,
        (2 * (k * k - high)) / a0,
        (high - (middle * k) / shelf.q + k * k) / a0,
      ],
      a,
    },
    { b: [1, -2, 1], a: terms(highpass).a },
  ];
}

function filtered(samples: ArrayLike<number>, { b, a }: Filter): Float64Array {
  let [x1, x2, y1, y2] = [0, 0, 0, 0];
  return Float64Array.from(samples, (x) => {
    const y = b[0] * x + b[1] * x1 + b[2] * x2 - a[0] * y1 - a[1] * y2;
    [x2, x1, y2, y1] = [x1, x, y1, y];
    return y;
  });
}

const loudnessOf = (power: number) => -0.691 + 10 * Math.log10(power);
const blockSeconds = 0.4;
const stepSeconds = 0.1;
/** LUFS below which a block counts as silence, and LU below the mean of the others. */
const silence = -70;
const quieter = 10;

/**
 * Integrated loudness in LUFS of mono sound (ITU-R BS.1770-4: K-weighting, blocks of 0.4 s that overlap by three quarters, both gates). Undefined
 * for silence and for what is shorter than a block.
 */
export function integratedLoudness(samples: Float32Array, rate: number): number | undefined {
  const weighted = weighting(rate).reduce<ArrayLike<number>>(filtered, samples);
  const [block, step] = [Math.round(blockSeconds * rate), Math.round(stepSeconds * rate)];
  const powers: number[] = [];
  for (let start = 0; start + block <= weighted.length; start += step) {
    let sum = 0;
    for (let i = start; i < start + block; i++) sum += weighted[i]! ** 2;
    powers.push(sum / block);
  }
  const mean = (list: readonly number[]) => list.reduce((sum, power) => sum + power, 0) / list.length;
  const heard = powers.filter((power) => loudnessOf(power) > silence);
  if (heard.length === 0) return undefined;
  const gate = loudnessOf(mean(heard)) - quieter;
  return loudnessOf(mean(heard.filter((power) => loudnessOf(power) > gate)));
}
