import type { Waveform } from "@cmmd/core";

/** Seconds around the flux peak that are searched; how fast the energies before and after a moment forget. */
const search = { before: 0.012, after: 0.03 };
const decay = 0.004;

/**
 * The moment near `time` (s) at which the energy rises most: the largest ratio of the energy just after to the energy just before,
 * both weighted exponentially. The flux peak itself comes early, when the onset enters the window.
 */
export function refine({ rate, samples }: Waveform, time: number): number {
  const forget = Math.exp(-1 / (decay * rate));
  const first = Math.max(0, Math.round((time - search.before) * rate));
  const last = Math.min(samples.length - 1, Math.round((time + search.after) * rate));
  if (last <= first) return Math.min(time, samples.length / rate);
  const margin = Math.round(6 * decay * rate);
  const square = (i: number) => ((samples[i] ?? 0) - (samples[i - 1] ?? 0)) ** 2;
  const after = new Float64Array(last - first + 1);
  let energy = 0;
  for (let i = last + margin; i >= first; i--) {
    energy = forget * energy + square(i);
    if (i <= last) after[i - first] = energy;
  }
  const floor = Math.max(...after) * 1e-3;
  if (floor === 0) return time;
  let best = first;
  let highest = -1;
  energy = 0;
  for (let i = Math.max(0, first - margin); i <= last; i++) {
    const ratio = i < first ? -1 : after[i - first]! / (energy + floor);
    if (ratio > highest) {
      highest = ratio;
      best = i;
    }
    energy = forget * energy + square(i);
  }
  return best / rate;
}
