import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { testContext } from "../../test/context.js";
import { availableFfmpegs } from "../../test/ffmpegs.js";
import { filterOf } from "../../test/filter.js";
import { brightest, energyCentre, flashFilm, flashTime, levels } from "../../test/flash.js";
import { centerCrop, fps, resize } from "../transforms/filters.js";
import { decodeSpan } from "./decode.js";
import { decodeSeveral } from "./decode-several.js";
import { encodeMp4 } from "./encode.js";
import { probeMedia } from "./probe.js";

const video = (rate: number, size = 16) => [filterOf(fps, { rate }), filterOf(resize, { size, filter: "area" })];
const audioFilters = ["aresample=16000"];

describe.each(availableFfmpegs())("decodeSpan ($name)", ({ path: ffmpeg }) => {
  const run = (...args: string[]) => execFileSync(ffmpeg, ["-v", "error", "-y", ...args]);
  const decode = (context: Context, path: string, start: number, duration: number, videoFilters = video(10)) =>
    decodeSpan(ffmpeg, { path, start, duration, videoFilters, audioFilters, signal: context.signal });
  const flashed = async (context: Context, rate = 10) => {
    const path = join(context.folder, "flash.mp4");
    await encodeMp4(ffmpeg, path, flashFilm(rate), context.signal);
    return path;
  };

  it("shows the picture that is on display in the middle of a frame's time", async () => {
    const context = await testContext();
    const path = join(context.folder, "ramp.mp4");
    const size = 16 * 16 * 3;
    const data = new Uint8Array(60 * size).map((_, i) => 20 + 3 * Math.floor(i / size));
    const waveform = { rate: 16000, samples: new Float32Array(32000) };
    const film = { frames: { count: 60, height: 16, width: 16, data }, rate: 30, waveform };
    await encodeMp4(ffmpeg, path, film, context.signal);
    for (const rate of [10, 7, 30]) {
      const shown = levels((await decode(context, path, 0, 1.5, video(rate))).frames);
      shown.forEach((level, k) => {
        expect(Math.round((level - 20) / 3), `${rate} fps, frame ${k}`).toBe(
          Math.floor(((k + 0.5) * 30) / rate + 1e-9),
        );
      });
    }
  });

  it("cuts out of the middle what decoding from the beginning gives", async () => {
    const context = await testContext();
    const path = await flashed(context);
    const whole = await decode(context, path, 0, 5);
    for (const start of [0.3, 1.3, 2.4]) {
      const part = await decode(context, path, start, 1.8);
      const first = Math.round(start * 10) * 16 * 16 * 3;
      expect(part.frames.data).toEqual(whole.frames.data.slice(first, first + 18 * 16 * 16 * 3));
      const from = Math.round(start * 16000);
      expect(part.waveform.samples).toEqual(whole.waveform.samples.slice(from, from + 28800));
    }
  });

  it("keeps sound and picture of a span together when one stream starts late", async () => {
    const context = await testContext();
    const path = await flashed(context);
    const late = 0.7;
    const offset = ["-itsoffset", String(late), "-i", path];
    for (const [name, args, flash, click] of [
      ["video.mkv", [...offset, "-i", path, "-map", "0:v", "-map", "1:a"], flashTime + late, flashTime],
      ["video.mp4", [...offset, "-i", path, "-map", "0:v", "-map", "1:a"], flashTime + late, flashTime],
      ["audio.mkv", [...offset, "-i", path, "-map", "1:v", "-map", "0:a"], flashTime, flashTime + late],
      ["both.mkv", ["-i", path, "-output_ts_offset", "5"], flashTime, flashTime],
    ] as const) {
      const file = join(context.folder, name);
      run(...args, "-c:v", "copy", "-c:a", name.endsWith("mkv") ? "pcm_s16le" : "aac", file);
      for (const start of [0, 1.5]) {
        const { frames, waveform } = await decode(context, file, start, 2.5 - (start === 0 ? -1.5 : 0));
        expect(brightest(frames), `${name} from ${start}`).toBe(Math.round((flash - start) * 10));
        const centre = energyCentre(waveform.samples) / 16000 + start;
        expect(Math.abs(centre - click), `${name} from ${start}`).toBeLessThan(0.004);
      }
    }
  });

  it("averages channels, and takes the centred square as displayed", async () => {
    const context = await testContext();
    const path = join(context.folder, "stereo.mkv");
    const tone = "aevalsrc=0.8*sin(2000*t)|0.8*sin(2000*t):s=16000:d=1";
    const picture = "color=white:s=90x60:d=1,drawbox=x=0:y=0:w=15:h=60:color=black:t=fill";
    run("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, "-c:v", "ffv1", "-c:a", "pcm_s16le", path);
    const { frames, waveform } = await decode(context, path, 0, 1, [
      filterOf(fps, { rate: 5 }),
      filterOf(centerCrop, {}),
    ]);
    expect([frames.width, frames.height]).toEqual([60, 60]);
    expect(Math.min(...levels(frames))).toBeGreaterThan(245);
    expect(Math.max(...waveform.samples)).toBeCloseTo(0.8, 3);
  });

  it("reports fewer frames only where the file ends, and none after it", async () => {
    const context = await testContext();
    const path = await flashed(context);
    const tail = await decode(context, path, 4, 1.8);
    expect(tail.frames.count).toBe(10);
    expect(Math.abs(tail.waveform.samples.length - 16000)).toBeLessThanOrEqual(1024);
    expect((await decode(context, path, 9, 1)).frames.count).toBe(0);
  });

  it("decodes neighbouring spans in one run to what each run of its own gives, beyond the end of the file too", async () => {
    const context = await testContext();
    const path = join(context.folder, "noise.mov");
    const sources = ["-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=14", "-f", "lavfi", "-i", "anoisesrc=d=14:r=44100"];
    run(...sources, "-c:v", "mpeg4", "-g", "50", "-c:a", "pcm_s16le", path);
    const spans = [
      [3.069, 2],
      [4.5, 3.21],
      [9.001, 2],
      [12.5, 4],
      [15.2, 2],
    ] as const;
    const requests = spans.map(([start, duration]) => ({
      ...{ path, start, duration, videoFilters: video(10), audioFilters, signal: context.signal },
    }));
    const together = await decodeSeveral(ffmpeg, requests);
    for (const [i, request] of requests.entries()) expect(together[i]).toEqual(await decodeSpan(ffmpeg, request));
    expect(together.map(({ frames }) => frames.count)).toEqual([20, 32, 20, 15, 0]);
    const broken = requests.map((request) => ({ ...request, path: join(context.folder, "none.mov") }));
    await expect(decodeSeveral(ffmpeg, broken)).rejects.toMatchObject({ code: "CMMD301" });
  });

  it("gives the sound that there is where it ends long before the picture", async () => {
    const context = await testContext();
    const path = join(context.folder, "early.mp4");
    const sources = ["-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=60", "-f", "lavfi", "-i", "sine=d=2:r=16000"];
    run(...sources, "-c:v", "mpeg4", "-g", "25", "-c:a", "aac", path);
    const span = await decode(context, path, 1, 4);
    expect([span.frames.count, Math.round(span.waveform.samples.length / 1600)]).toEqual([40, 10]);
    expect(span.source).toEqual({ width: 64, height: 64 });
    const within = await decode(context, path, 1, 0.5);
    expect(span.waveform.samples.subarray(0, 8000)).toEqual(within.waveform.samples);
    await expect(decode(context, path, 20, 2)).rejects.toThrow(/holds no .*from second 20/);
  });

  it("reads a file without a seek index from its beginning", async () => {
    const context = await testContext();
    const whole = join(context.folder, "whole.mkv");
    run("-i", await flashed(context), "-c:v", "copy", "-c:a", "pcm_s16le", whole);
    const cut = join(context.folder, "cut.mkv");
    const bytes = readFileSync(whole);
    writeFileSync(cut, bytes.subarray(0, Math.round(bytes.length * 0.9)));
    const { frames, waveform } = await decode(context, cut, 1.55, 1.8);
    expect(brightest(frames)).toBe(9);
    expect(Math.abs(energyCentre(waveform.samples) / 16000 + 1.55 - flashTime)).toBeLessThan(0.004);
  });

  it("says what is wrong with a file", async () => {
    const context = await testContext();
    const path = await flashed(context);
    const file = (name: string, bytes?: Uint8Array | string) => {
      const at = join(context.folder, name);
      if (bytes !== undefined) writeFileSync(at, bytes);
      return at;
    };
    const bytes = readFileSync(path);
    run("-i", path, "-map", "0:a", "-c", "copy", file("blind.mp4"));
    run("-i", path, "-map", "0:v", "-c", "copy", file("silent.mp4"));
    run("-i", path, "-c", "copy", file("late-index.mp4"));
    const late = readFileSync(file("late-index.mp4"));
    for (const [name, code, message] of [
      [file("text.mp4", "this is a text file\n".repeat(50)), "CMMD301", /not a media file/],
      [file("empty.mp4", ""), "CMMD301", /is empty/],
      [file("missing.mp4"), "CMMD301", /does not exist/],
      [file("no-index.mp4", late.subarray(0, late.indexOf("moov") - 4)), "CMMD301", /truncated: its index/],
      [file("cut.mp4", bytes.subarray(0, bytes.length * 0.7)), "CMMD301", /truncated|damaged/],
      [file("silent.mp4"), "CMMD302", /no audio stream/],
      [file("blind.mp4"), "CMMD303", /no video stream/],
    ] as const)
      await expect(decode(context, name, 0, 5), name).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    await expect(decode(context, path, 0, 1, ["crop=999:999"])).rejects.toMatchObject({ code: "CMMD320" });
  });

  it("stops at once when aborted", async () => {
    const context = await testContext();
    const path = await flashed(context);
    const abort = new AbortController();
    const request = { path, start: 0, duration: 5, videoFilters: video(240, 512), audioFilters, signal: abort.signal };
    const decoding = decodeSpan(ffmpeg, request);
    setTimeout(() => abort.abort(new Error("interrupted")), 20);
    await expect(decoding).rejects.toThrow("interrupted");
    await expect(probeMedia(ffmpeg, path, abort.signal)).rejects.toThrow("interrupted");
  });
});
