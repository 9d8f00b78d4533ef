import type { Random } from "@cmmd/core";

/** Adds a drum stroke to `samples` from sample `first` on. */
type Drum = (samples: Float32Array, rate: number, first: number, strength: number, random: Random) => void;

/** Kick: a sine that falls from 170 to 48 Hz, with a click. Snare: a drum head's two modes and rattling noise. Hat: bright short noise. */
export const drums: Readonly<Record<"kick" | "snare" | "hat", Drum>> = {
  kick(samples, rate, first, strength, random) {
    let phase = 0;
    each(samples, rate, first, 0.75, (i, t) => {
      phase += (2 * Math.PI * (48 + 122 * Math.exp(-t / 0.028))) / rate;
      samples[i]! += strength * 0.95 * Math.sin(phase) * Math.exp(-t / 0.11);
    });
    addNoise(samples, rate, first, { strength: 0.8 * strength, decay: 0.004, low: 500, high: 6000 }, random);
  },
  snare(samples, rate, first, strength, random) {
    each(samples, rate, first, 0.4, (i, t) => {
      const head = Math.sin(2 * Math.PI * 186 * t) + 0.6 * Math.sin(2 * Math.PI * 331 * t);
      samples[i]! += strength * 0.42 * head * Math.exp(-t / 0.055);
    });
    addNoise(samples, rate, first, { strength: 0.85 * strength, decay: 0.075, low: 1100, high: 8500 }, random);
  },
  hat(samples, rate, first, strength, random) {
    addNoise(samples, rate, first, { strength: 0.7 * strength, decay: 0.028, low: 6500, high: 15000 }, random);
  },
};

/** Visits the samples of `seconds` seconds from `first` on that exist, with their time. */
function each(
  samples: Float32Array,
  rate: number,
  first: number,
  seconds: number,
  visit: (index: number, time: number) => void,
): void {
  const end = Math.min(samples.length, first + Math.round(seconds * rate));
  for (let i = Math.max(0, first); i < end; i++) visit(i, (i - first) / rate);
}

/** Noise between `low` and `high` Hz (one pole each) that falls to 1/e in `decay` seconds. */
function addNoise(
  samples: Float32Array,
  rate: number,
  first: number,
  band: { readonly strength: number; readonly decay: number; readonly low: number; readonly high: number },
  random: Random,
): void {
  const noise = random.normal(Math.ceil(6 * band.decay * rate) + 1);
  const smoothing = (cutoff: number) => 1 - Math.exp((-2 * Math.PI * cutoff) / rate);
  const lowSmoothing = smoothing(band.low);
  const highSmoothing = smoothing(band.high);
  let low = 0;
  let high = 0;
  each(samples, rate, first, 6 * band.decay, (i, t) => {
    high += highSmoothing * (noise[i - first]! - high);
    low += lowSmoothing * (high - low);
    samples[i]! += band.strength * (high - low) * Math.exp(-t / band.decay);
  });
}
