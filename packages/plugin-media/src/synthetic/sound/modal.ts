import type { Random } from "@cmmd/core";

/** The free vibrations of an object: frequencies as multiples of `base` Hz, with their strengths and times to fall to 1/e in seconds. */
export interface ModalMaterial {
  readonly base: number;
  readonly modes: readonly (readonly [ratio: number, strength: number, decay: number])[];
  /** The noise of the contact itself: strength, seconds, and the frequency in Hz above which it is weak. */
  readonly burst: { readonly strength: number; readonly seconds: number; readonly cutoff: number };
}

/**
 * Adds the sound of an impact to `samples`, starting exactly at `time` seconds: every mode rings as a damped sine from phase 0 at that
 * instant (also between samples), and a short low-passed noise burst starts with it. `pitch` is a factor on the frequencies;
 * `random` varies the modes a little, as no two blows meet the same spot.
 */
export function addImpact(
  samples: Float32Array,
  rate: number,
  time: number,
  material: ModalMaterial,
  { strength, pitch, random }: { strength: number; pitch: number; random: Random },
): void {
  const first = Math.max(0, Math.ceil(time * rate - 1e-9));
  const late = first / rate - time;
  for (const [ratio, share, decay] of material.modes) {
    const frequency = material.base * pitch * ratio * (1 + 0.006 * (2 * random.uniform() - 1));
    const amplitude = strength * share * (0.75 + 0.5 * random.uniform());
    // A stronger blow excites the high modes more.
    const brightness = strength ** (0.4 * Math.log2(ratio + 1));
    if (frequency < 0.45 * rate) addDamped(samples, rate, first, late, frequency, decay, amplitude * brightness);
  }
  addBurst(samples, rate, first, material.burst, strength, random);
}

/** The sine by a rotating phasor: two multiplications and additions a sample. */
function addDamped(
  samples: Float32Array,
  rate: number,
  first: number,
  late: number,
  frequency: number,
  decay: number,
  amplitude: number,
): void {
  const angle = (2 * Math.PI * frequency) / rate;
  const damping = Math.exp(-1 / (decay * rate));
  const cos = damping * Math.cos(angle);
  const sin = damping * Math.sin(angle);
  const start = amplitude * Math.exp(-late / decay);
  let real = start * Math.cos(2 * Math.PI * frequency * late);
  let imaginary = start * Math.sin(2 * Math.PI * frequency * late);
  const end = Math.min(samples.length, first + Math.ceil(7 * decay * rate));
  for (let i = first; i < end; i++) {
    samples[i]! += imaginary;
    const next = real * cos - imaginary * sin;
    imaginary = real * sin + imaginary * cos;
    real = next;
  }
}

function addBurst(
  samples: Float32Array,
  rate: number,
  first: number,
  { strength: share, seconds, cutoff }: ModalMaterial["burst"],
  strength: number,
  random: Random,
): void {
  const count = Math.min(Math.ceil(5 * seconds * rate), samples.length - first);
  if (count <= 0) return;
  const noise = random.normal(count);
  const smoothing = 1 - Math.exp((-2 * Math.PI * cutoff) / rate);
  let low = 0;
  for (let i = 0; i < count; i++) {
    low += smoothing * (noise[i]! - low);
    samples[first + i]! += strength * share * low * Math.exp(-i / (seconds * rate));
  }
}
