import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { testContext } from "../../test/context.js";
import { availableFfmpegs } from "../../test/ffmpegs.js";
import { filterOf } from "../../test/filter.js";
import { centerCrop, fps, resample, resize } from "../transforms/filters.js";
import { decodeSpan } from "./decode.js";
import { probeMedia } from "./probe.js";

const data = process.env.CMMD_TEST_DATA ?? join(import.meta.dirname, "../../../../../shared/data");
const folder = join(data, "clips");
const here = existsSync(folder);
if (!here) console.warn(`skipped: no real clips in ${folder}`);

/** Matroska rounds times to milliseconds, and a decoder's clock starts anew at a seek. */
const clockError = 16;

describe.skipIf(!here).each(availableFfmpegs())("real clips ($name)", ({ path: ffmpeg }) => {
  it.each(here ? readdirSync(folder).sort() : [])("%s: spans have exact sizes and their place", async (name) => {
    const { signal } = await testContext();
    const path = join(folder, name);
    const info = await probeMedia(ffmpeg, path, signal);
    expect(info.duration).toBeGreaterThan(3);
    expect(info.video!.codec).toBe("h264");
    const videoFilters = [
      filterOf(fps, { rate: 10 }),
      filterOf(centerCrop, {}),
      filterOf(resize, { size: 16, filter: "area" }),
    ];
    const request = { path, videoFilters, audioFilters: [filterOf(resample, { rate: 16000 })], signal };
    const whole = await decodeSpan(ffmpeg, { ...request, start: 0, duration: 3.1 });
    const part = await decodeSpan(ffmpeg, { ...request, start: 1.2, duration: 1.8 });
    expect([part.frames.count, part.waveform.samples.length]).toEqual([18, 28800]);
    const first = 12 * 16 * 16 * 3;
    expect(part.frames.data).toEqual(whole.frames.data.slice(first, first + part.frames.data.length));
    const errors = Array.from({ length: 2 * clockError + 1 }, (_, i) =>
      difference(part.waveform.samples, whole.waveform.samples, 19200 + i - clockError),
    );
    expect(Math.min(...errors)).toBeLessThan(1e-6);
  });
});

/** Mean squared difference of `part` from `whole` from sample `from` on, leaving the margins out. */
function difference(part: Float32Array, whole: Float32Array, from: number): number {
  let sum = 0;
  for (let i = 100; i < part.length - 100; i++) sum += (part[i]! - whole[from + i]!) ** 2;
  return sum / part.length;
}
