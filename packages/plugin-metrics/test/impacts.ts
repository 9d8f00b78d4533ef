import type { Waveform } from "@cmmd/core";

/** Struck objects: partials (Hz) with their decay times (s), and the level of the contact noise. Mirrored by bench/reference/metrics.py. */
const materials = {
  wood: { partials: [410, 1130, 2210], decay: 0.04, noise: 0.5 },
  metal: { partials: [890, 2370, 4410, 5930], decay: 0.35, noise: 0.3 },
  bass: { partials: [70, 140], decay: 0.12, noise: 0.1 },
  click: { partials: [], decay: 0.001, noise: 1 },
} as const;
export type Material = keyof typeof materials;

/** Uniform noise in [-1, 1) from a linear congruential generator (Numerical Recipes' constants), the same in every language. */
export function noise(count: number, seed: number): Float64Array {
  let state = seed >>> 0;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return (state / 4294967296) * 2 - 1;
  });
}

/** Impacts of `material` at `times` (s), the k-th at gain 1, 0.7, 0.4, 1, ..., over steady noise of amplitude `hiss`. */
export function impacts(
  material: Material,
  times: readonly number[],
  { rate = 16000, seconds = 1.8, hiss = 0 }: { rate?: number; seconds?: number; hiss?: number } = {},
): Waveform {
  const { partials, decay, noise: contact } = materials[material];
  const samples = new Float32Array(Math.round(seconds * rate));
  const background = noise(samples.length, 1);
  for (const [i, value] of background.entries()) samples[i] = hiss * value;
  for (const [k, time] of times.entries()) {
    const gain = 0.5 * [1, 0.7, 0.4][k % 3]!;
    const first = Math.round(time * rate);
    const grain = noise(samples.length, 100 + k);
    for (let i = first; i < samples.length; i++) {
      const t = (i - first) / rate;
      let value = contact * grain[i - first]! * Math.exp(-t / 0.004);
      for (const hz of partials) value += (Math.sin(2 * Math.PI * hz * t + 1) * Math.exp(-t / decay)) / partials.length;
      samples[i]! += gain * value;
    }
  }
  return { rate, samples };
}
