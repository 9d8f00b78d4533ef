import type { Frames } from "@cmmd/core";
import { beforeAll, describe, expect, it } from "vitest";
import { testContext } from "../../test/context.js";
import { availableFfmpegs } from "../../test/ffmpegs.js";
import { filterOf } from "../../test/filter.js";
import { begins, makeOddMedia, oddMedia } from "../../test/odd-media.js";
import { fps, resample } from "../transforms/filters.js";
import { decodeSpan } from "./decode.js";

const ffmpegs = availableFfmpegs();
const { signal } = new AbortController();
let folder = "";
beforeAll(async () => {
  ({ folder } = await testContext());
});

/** Colour of a place, which is given in fractions of the picture's width and height. */
function colour({ width, height, data }: Frames, frame: number, x: number, y: number): number[] {
  const at = ((frame * height + Math.floor(y * height)) * width + Math.floor(x * width)) * 3;
  return [...data.subarray(at, at + 3)];
}

/** First frame in which all but the upper left quarter is white. */
function flashOf(frames: Frames): number {
  return Array.from({ length: frames.count }, (_, k) => colour(frames, k, 0.75, 0.75)[0]!).findIndex(
    (red) => red > 128,
  );
}

function onsetOf(samples: Float32Array): number {
  const peak = samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return samples.findIndex((x) => Math.abs(x) > peak / 3);
}

/** What a codec smears an onset by, in seconds. */
const smear = 0.008;

describe("odd media", () => {
  it.concurrent.each(oddMedia)("$name: picture and sound within half a frame", async (odd) => {
    const path = makeOddMedia(ffmpegs[0]!.path, folder, odd);
    const at = odd.at ?? begins;
    for (const { name, path: ffmpeg } of ffmpegs)
      for (const [start, duration, rate] of [
        [0, 4, 30],
        [1.23, 2.5, 10],
      ] as const) {
        const { frames, waveform } = await decodeSpan(ffmpeg, {
          ...{ path, start, duration, signal },
          videoFilters: [filterOf(fps, { rate })],
          audioFilters: [filterOf(resample, { rate: 16_000 })],
        });
        const seen = start + flashOf(frames) / rate;
        const heard = start + onsetOf(waveform.samples) / 16_000;
        expect(Math.abs(seen - heard), `${name}: seen at ${seen}, heard at ${heard}`).toBeLessThan(0.5 / rate + smear);
        // An AAC encoder's delay of 1024 samples is part of the clock where nothing says that it is a delay.
        expect(Math.abs(heard - at), `${name}: heard at ${heard}`).toBeLessThan(smear + 1024 / 48_000);
        const [width, height] = odd.size ?? [160, 120];
        expect([frames.count, frames.width, frames.height]).toEqual([duration * rate, width, height]);
        const [red, other, , dark] = [...colour(frames, 0, 0.25, 0.25), colour(frames, 0, 0.75, 0.75)[0]!];
        expect([red! > 190, other! < 40, dark! > 25 && dark! < 55], `${name}: ${red} ${other} ${dark}`).toEqual([
          true,
          true,
          true,
        ]);
      }
  });
});
