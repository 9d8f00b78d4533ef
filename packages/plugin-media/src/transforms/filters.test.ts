import { spawnSync } from "node:child_process";
import { join } from "node:path";
import FFT from "fft.js";
import { describe, expect, it } from "vitest";
import { testContext } from "../../test/context.js";
import { availableFfmpegs } from "../../test/ffmpegs.js";
import { filterOf } from "../../test/filter.js";
import { testSignal } from "../../test/signal.js";
import { writeWave } from "../../test/wave-file.js";
import { decodeSpan } from "../ffmpeg/decode.js";
import { loudness, resample } from "./filters.js";

const { signal } = new AbortController();
const window = 4096;

/** Level in dB of each frequency bin of a window of samples around `centre`; a sine of amplitude 0.5 has 0 dB. */
function spectrum(samples: Float32Array, centre: number): Float64Array {
  const fft = new FFT(window);
  // Blackman-Harris: side lobes below -92 dB, main lobe four bins to each side.
  const terms = [0.35875, -0.48829, 0.14128, -0.01168];
  const shape = (i: number) => terms.reduce((sum, a, k) => sum + a * Math.cos((2 * Math.PI * k * i) / window), 0);
  const input = Array.from({ length: window }, (_, i) => shape(i) * (samples[centre - window / 2 + i] ?? 0));
  const out = fft.createComplexArray();
  fft.realTransform(out, input);
  const full = (0.5 * window * terms[0]!) / 2;
  return Float64Array.from(
    { length: window / 2 + 1 },
    (_, k) => 20 * Math.log10(Math.hypot(out[2 * k]!, out[2 * k + 1]!) / full + 1e-12),
  );
}

describe.each(availableFfmpegs())("sound ($name)", ({ path: ffmpeg }) => {
  it.each([
    [44_100, 16_000],
    [48_000, 16_000],
    [24_000, 16_000],
    [22_050, 16_000],
    [48_000, 22_050],
    [8000, 16_000],
  ])("a sweep from %d to %d Hz leaves no alias above -80 dB", async (from, to) => {
    const { folder } = await testContext();
    const half = Math.min(from, to) / 2;
    const highest = from > to ? from / 2 : 0.97 * half;
    const sweep = Array.from({ length: 30 }, (_, i) => 150 + ((highest * 0.998 - 150) * i) / 29);
    const edge = [0.9, 0.94, ...(from > to ? [1.003, 1.01, 1.02, 1.05] : [])].map((part) => part * half);
    const tones = [...sweep, ...edge].filter((hertz) => hertz < from / 2);
    const seconds = 0.4;
    const each = Math.round(seconds * from);
    const samples = Float32Array.from(
      { length: each * tones.length },
      (_, i) => 0.5 * Math.sin((2 * Math.PI * tones[Math.floor(i / each)]! * i) / from),
    );
    const path = writeWave(join(folder, "sweep.wav"), from, [samples]);
    const request = {
      path,
      start: 0,
      duration: tones.length * seconds,
      only: "audio",
      videoFilters: [],
      signal,
    } as const;
    const { waveform } = await decodeSpan(ffmpeg, { ...request, audioFilters: [filterOf(resample, { rate: to })] });
    tones.forEach((hertz, i) => {
      const levels = spectrum(waveform.samples, Math.round((i + 0.5) * seconds * to));
      const own = (hertz * window) / to;
      const alias = levels.filter((_, k) => Math.abs(k - own) > 6).reduce((a, b) => Math.max(a, b));
      expect(alias, `aliases of ${hertz} Hz`).toBeLessThan(-80);
      // Between two bins the window's main lobe has fallen by 0.83 dB.
      if (hertz <= 0.94 * half) expect(Math.max(...levels), `${hertz} Hz`).toBeGreaterThan(-0.9);
    });
  });

  it("keeps loudness unless asked, and then brings a whole file to it as ebur128 measures it", async () => {
    const { folder } = await testContext();
    const quiet = testSignal(6 * 48_000).map((x, i) => x * (i < 3 * 48_000 ? 0.05 : 0.2));
    const rates = { from: 48_000, to: 16_000 };
    const files = {
      stereo: [quiet, quiet.map((x) => 0.5 * x)],
      mono: [quiet],
      silent: [new Float32Array(3 * 48_000)],
      hiss: [quiet.map((x) => x * 1e-3)],
      click: [quiet.map((x, i) => (i === 50_000 ? 0.9 : x))],
    };
    const warned: string[] = [];
    const decode = async (name: keyof typeof files, filters: readonly string[], start = 0, duration = 6) => {
      const path = writeWave(join(folder, `${name}.wav`), rates.from, files[name]);
      const request = {
        path,
        start,
        duration,
        only: "audio",
        videoFilters: [],
        audioFilters: filters,
        signal,
      } as const;
      return (await decodeSpan(ffmpeg, { ...request, warn: (message) => warned.push(message) })).waveform.samples;
    };
    const peak = (samples: Float32Array) => samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const measured = (samples: Float32Array) => {
      const input = ["-f", "f32le", "-ar", String(rates.to), "-ac", "1", "-i", "pipe:0"];
      const { stderr } = spawnSync(ffmpeg, [...input, "-af", "ebur128", "-f", "null", "-"], {
        input: Buffer.from(samples.buffer),
        encoding: "utf8",
      });
      return Number([...stderr.matchAll(/I:\s+(-?[\d.]+) LUFS/g)].at(-1)![1]);
    };
    const plain = [filterOf(resample, { rate: rates.to })];
    const asked = (lufs: number, most = 30) => [...plain, filterOf(loudness, { lufs, most })];
    const before = await decode("mono", plain);
    expect(peak(before)).toBeCloseTo(peak(quiet), 1);
    for (const [name, lufs] of [
      ["stereo", -23],
      ["mono", -23],
      ["mono", -30],
    ] as const)
      expect(Math.abs(measured(await decode(name, asked(lufs))) - lufs), `${name} ${lufs}`).toBeLessThan(0.1001);
    expect(warned).toEqual([]);

    const whole = await decode("mono", asked(-23));
    expect((await decode("mono", asked(-23), 3, 1)).slice(100, 900)).toEqual(whole.slice(48_100, 48_900));
    expect(peak(await decode("silent", asked(-23)))).toBe(0);
    expect(
      Math.abs(measured(await decode("hiss", asked(-23, 10))) - measured(before.map((x) => x * 1e-3))),
    ).toBeLessThan(10.2);
    expect(peak(await decode("click", asked(-10)))).toBeLessThanOrEqual(1.01);
    expect(warned.join("\n")).toMatch(/click\.wav" is brought from .* as it would be clipped/);
  });
});
