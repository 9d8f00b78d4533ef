import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { testContext } from "../../test/context.js";
import { availableFfmpegs } from "../../test/ffmpegs.js";
import { brightest, energyCentre, flashFilm, flashTime } from "../../test/flash.js";
import { decodeSpan } from "./decode.js";
import { encodeMp4 } from "./encode.js";
import { probeMedia } from "./probe.js";

describe.each(availableFfmpegs())("encodeMp4 ($name)", ({ path: ffmpeg }) => {
  it("keeps a click within a millisecond of its flash, and colours, at whole scales", async () => {
    const { folder, signal } = await testContext();
    const file = join(folder, "deep", "flash.mp4");
    await encodeMp4(ffmpeg, file, { ...flashFilm(10), scale: 3 }, signal);
    const info = await probeMedia(ffmpeg, file, signal);
    expect(info.video).toEqual({ codec: "h264", width: 192, height: 144, rate: 10 });
    expect(info.audio).toEqual({ codec: "aac", rate: 16000, channels: 1 });
    const whole = { path: file, start: 0, duration: 5, videoFilters: [], audioFilters: [], signal };
    const { frames, rate, waveform } = await decodeSpan(ffmpeg, whole);
    expect([rate, frames.count, frames.width, frames.height]).toEqual([10, 50, 192, 144]);
    expect([waveform.rate, waveform.samples.length]).toEqual([16000, 80000]);
    expect(brightest(frames)).toBe(flashTime * 10);
    expect(Math.abs(energyCentre(waveform.samples) - (flashTime * 16000 + 19.5))).toBeLessThan(16);
    expect(Math.abs(frames.data[0]! - 20)).toBeLessThanOrEqual(2);
    expect(Math.abs(frames.data[25 * 192 * 144 * 3]! - 250)).toBeLessThanOrEqual(2);
  });

  it("is ready for browsers: yuv420p, index before the data, even sides", async () => {
    const { folder, signal } = await testContext();
    const file = join(folder, "odd.mp4");
    const data = new Uint8Array(3 * 33 * 31 * 3).map((_, i) => [200, 30, 60][i % 3]!);
    const waveform = { rate: 16000, samples: new Float32Array(4800) };
    await encodeMp4(ffmpeg, file, { frames: { count: 3, height: 31, width: 33, data }, rate: 10, waveform }, signal);
    expect((await probeMedia(ffmpeg, file, signal)).video).toMatchObject({ width: 34, height: 32 });
    const bytes = readFileSync(file);
    expect(bytes.indexOf("moov")).toBeLessThan(bytes.indexOf("mdat"));
    const whole = { path: file, start: 0, duration: 0.3, videoFilters: [], audioFilters: [], signal };
    const { frames } = await decodeSpan(ffmpeg, whole);
    [200, 30, 60].forEach((level, c) => {
      expect(Math.abs(frames.data[(16 * 34 + 16) * 3 + c]! - level)).toBeLessThanOrEqual(3);
    });
  });

  it("writes the same bytes for the same input", async () => {
    const { folder, signal } = await testContext();
    for (const name of ["a.mp4", "b.mp4"]) await encodeMp4(ffmpeg, join(folder, name), flashFilm(10), signal);
    expect(readFileSync(join(folder, "a.mp4")).equals(readFileSync(join(folder, "b.mp4")))).toBe(true);
  });

  it("leaves nothing behind when it is aborted or its frames fail", async () => {
    const { folder } = await testContext();
    const abort = new AbortController();
    const film = flashFilm(10);
    async function* endless() {
      for (let k = 0; ; k++) {
        if (k === 20) abort.abort(new Error("interrupted"));
        yield { count: 1, height: 64, width: 64, data: new Uint8Array(64 * 64 * 3) };
      }
    }
    const file = join(folder, "film.mp4");
    await expect(encodeMp4(ffmpeg, file, { ...film, frames: endless() }, abort.signal)).rejects.toThrow("interrupted");
    async function* failing() {
      yield { count: 1, height: 64, width: 64, data: new Uint8Array(64 * 64 * 3) };
      yield { count: 1, height: 64, width: 32, data: new Uint8Array(64 * 32 * 3) };
    }
    const { signal } = new AbortController();
    await expect(encodeMp4(ffmpeg, file, { ...film, frames: failing() }, signal)).rejects.toThrow(
      /frames of 32x64 follow frames of 64x64/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it("says why a file cannot be written", async () => {
    const { folder, signal } = await testContext();
    const empty = { count: 0, height: 8, width: 8, data: new Uint8Array(0) };
    const file = join(folder, "x.mp4");
    const film = { ...flashFilm(10), frames: empty };
    await expect(encodeMp4(ffmpeg, file, film, signal)).rejects.toThrow(/there are no frames/);
    await expect(encodeMp4(ffmpeg, file, { ...flashFilm(10), scale: 1.5 }, signal)).rejects.toThrow(/scale .* is 1.5/);
  });
});
