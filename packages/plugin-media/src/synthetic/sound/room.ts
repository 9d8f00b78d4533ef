import type { Random, Waveform } from "@cmmd/core";

/** Early reflections of a small room: seconds and strength. */
const reflections = [
  [0.0073, 0.16],
  [0.0131, 0.11],
  [0.0227, 0.08],
] as const;
const peak = 0.82;
/** The noise repeats after some seconds, far below what is heard: drawing it costs more than all the rest. */
const noiseLength = 1 << 17;

/** The dry sound in a small room: early reflections, peak at 0.82, soft noise of `noiseDb` dB of full scale. Takes `dry` over. */
export function inRoom(dry: Float32Array, rate: number, noiseDb: number, random: Random): Waveform {
  const floorLevel = 10 ** (noiseDb / 20);
  // From the end, so that every tap reads what has not been changed yet.
  const taps = reflections.map(([seconds, strength]) => [Math.round(seconds * rate), strength] as const);
  let loudest = 0;
  for (let i = dry.length - 1; i >= 0; i--) {
    let sum = dry[i]!;
    for (const [delay, strength] of taps) if (i >= delay) sum += strength * dry[i - delay]!;
    dry[i] = sum;
    loudest = Math.max(loudest, Math.abs(sum));
  }
  const gain = loudest > 0 ? (peak - 4 * floorLevel) / loudest : 0;
  const noise = random.normal(noiseLength);
  let soft = 0;
  for (let i = 0; i < dry.length; i++) {
    soft += 0.25 * (noise[i % noiseLength]! - soft);
    dry[i] = Math.min(peak, Math.max(-peak, dry[i]! * gain + 2.6 * floorLevel * soft));
  }
  return { rate, samples: dry };
}
