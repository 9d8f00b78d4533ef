import type { Frames } from "@cmmd/core";

/** Seconds at which `flashFilm` flashes and clicks. */
export const flashTime = 2.5;

/** Five seconds at `rate` frames per second: dark, white for one frame at `flashTime`, and a click of 2.5 ms that begins with it. */
export function flashFilm(rate: number, width = 64, height = 48) {
  async function* frames(): AsyncGenerator<Frames> {
    for (let k = 0; k < 5 * rate; k++) {
      const data = new Uint8Array(width * height * 3).fill(k === flashTime * rate ? 250 : 20);
      yield { count: 1, height, width, data };
    }
  }
  const samples = new Float32Array(5 * 16000);
  for (let i = 0; i < 40; i++) samples[flashTime * 16000 + i] = i % 2 === 0 ? 0.9 : -0.9;
  return { frames: frames(), rate, waveform: { rate: 16000, samples } };
}

/** Mean level of every frame. */
export function levels(frames: Frames): number[] {
  const size = frames.height * frames.width * 3;
  return Array.from({ length: frames.count }, (_, k) => {
    const picture = frames.data.subarray(k * size, (k + 1) * size);
    return picture.reduce((sum, value) => sum + value, 0) / size;
  });
}

/** Index of the frame that is brightest. */
export function brightest(frames: Frames): number {
  const all = levels(frames);
  return all.indexOf(Math.max(...all));
}

/** Centre of the sound's energy, in samples. */
export function energyCentre(samples: Float32Array): number {
  let [energy, moment] = [0, 0];
  samples.forEach((x, i) => {
    energy += x * x;
    moment += i * x * x;
  });
  return moment / energy;
}
