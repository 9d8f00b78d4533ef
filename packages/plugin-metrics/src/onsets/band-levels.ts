import type { Waveform } from "@cmmd/core";
import FFT from "fft.js";

/** Window of 32 ms at 16 kHz: short enough for 4 ms steps, long enough to keep bands apart. */
const windowSeconds = 0.032;
const hopSeconds = 0.004;
const bandCount = 24;
const lowest = 80;
const highest = 7600;

export interface BandLevels {
  /** dB above the floor, never negative; [frames, bands]. */
  readonly data: Float32Array;
  readonly bands: number;
  /** Seconds from frame to frame. */
  readonly hop: number;
  /** Seconds at which the first frame is centred. */
  readonly first: number;
}

/**
 * Levels in logarithmically spaced bands of a Hann-windowed spectrogram. The floor of a band is the higher of `range`
 * dB below the clip's loudest band and twice the band's own noise (the level that it exceeds three quarters of the time), so that steady noise does not flicker. Windows lie wholly inside the clip: its cut ends are no onsets.
 */
export function bandLevels({ rate, samples }: Waveform, range: number): BandLevels {
  const size = 2 ** Math.round(Math.log2(windowSeconds * rate));
  const hop = Math.max(1, Math.round(hopSeconds * rate));
  const frames = Math.max(0, Math.floor((samples.length - size) / hop) + 1);
  const edges = bandEdges(rate, size);
  const bands = edges.length - 1;
  const power = new Float32Array(frames * bands);
  const fft = new FFT(size);
  const input = new Array<number>(size);
  const spectrum = fft.createComplexArray() as number[];
  for (let t = 0; t < frames; t++) {
    const start = t * hop;
    for (let i = 0; i < size; i++)
      input[i] = samples[start + i]! * (0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / size));
    fft.realTransform(spectrum, input);
    for (let b = 0; b < bands; b++) {
      let sum = 0;
      for (let k = edges[b]!; k < edges[b + 1]!; k++) sum += spectrum[2 * k]! ** 2 + spectrum[2 * k + 1]! ** 2;
      power[t * bands + b] = sum / (edges[b + 1]! - edges[b]!);
    }
  }
  return { data: toLevels(power, bands, range), bands, hop: hop / rate, first: size / 2 / rate };
}

/** First FFT bin of each band, and the end of the last; every band has at least one bin. */
function bandEdges(rate: number, size: number): number[] {
  const top = Math.min(highest, 0.475 * rate);
  const edges: number[] = [];
  for (let b = 0; b <= bandCount; b++) {
    const bin = Math.round((lowest * (top / lowest) ** (b / bandCount) * size) / rate);
    edges.push(Math.max(bin, (edges.at(-1) ?? 0) + 1));
  }
  return edges;
}

function toLevels(power: Float32Array, bands: number, range: number): Float32Array {
  const frames = power.length / bands;
  let loudest = 0;
  for (const value of power) loudest = Math.max(loudest, value);
  const levels = new Float32Array(power.length);
  if (loudest === 0) return levels;
  const silence = loudest * 10 ** (-range / 10);
  const column = new Float32Array(frames);
  for (let b = 0; b < bands; b++) {
    for (let t = 0; t < frames; t++) column[t] = power[t * bands + b]!;
    const noise = column.toSorted()[frames >> 2]!;
    const floor = Math.max(silence, 2 * noise);
    for (let t = 0; t < frames; t++)
      levels[t * bands + b] = Math.max(0, 10 * Math.log10(power[t * bands + b]! / floor));
  }
  return levels;
}
