import type { Decoded, Frames } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { testContext } from "../../test/context.js";
import { decodeSpan } from "../ffmpeg/decode.js";
import { locateFfmpeg } from "../ffmpeg/locate.js";
import { benchScene } from "./bench/scene.js";
import { dancerScene } from "./dancer/scene.js";
import type { SceneName, SyntheticOptions } from "./options.js";
import { syntheticDataset } from "./render.js";

const rate = 30;
const size = 256;
const seconds = 4;

/** Renders recordings of 4 s and decodes them with FFmpeg. */
async function decoded(scene: SceneName, count: number, more: Partial<SyntheticOptions>) {
  const context = await testContext();
  const options = {
    scene,
    clips: { train: count, test: 0 },
    seconds,
    size,
    rate,
    distractors: 0.3,
    noise_db: -62,
    variety: 1,
    ...more,
  };
  await syntheticDataset.render!(options, context);
  const ffmpeg = await locateFfmpeg(context.warn);
  const perform = { bench: benchScene, dancer: dancerScene }[scene].perform;
  const results: {
    media: Decoded;
    events: readonly number[];
    motions: readonly number[];
    sounds: readonly number[];
  }[] = [];
  let index = 0;
  for await (const { media, events } of syntheticDataset.clips(options, context)) {
    const request = {
      path: media,
      start: 0,
      duration: seconds,
      videoFilters: [],
      audioFilters: [],
      signal: context.signal,
    };
    const { motions, sounds } = perform(context.seed, index++, "train", options).distractors;
    results.push({ media: await decodeSpan(ffmpeg, request), events: events!, motions, sounds });
  }
  return results;
}

/**
 * Seconds near `time` at which the energy of the 2.5 ms after exceeds that of the 2.5 ms before by the largest factor. What is below
 * -20 dB of the loudest stretch counts as silence: a lossy encoder smears some noise to before an attack.
 */
function onsetNear(samples: Float32Array, soundRate: number, time: number): number {
  const span = Math.round(0.0025 * soundRate);
  const energy = (from: number) => {
    let sum = 0;
    for (let i = from; i < from + span; i++) sum += ((samples[i] ?? 0) - (samples[i - 1] ?? 0)) ** 2;
    return sum;
  };
  const from = Math.round((time - 0.06) * soundRate);
  const energies = Array.from({ length: Math.round(0.12 * soundRate) }, (_, i) => energy(from + i));
  const silence = 0.01 * Math.max(...energies);
  const rise = (i: number) => (energies[i]! + silence) / (energies[i - span]! + silence);
  let best = span;
  for (let i = span; i < energies.length; i++) if (rise(i) > rise(best)) best = i;
  return (from + best) / soundRate;
}

/** The lowest row of every frame where, to the right of the object, most of a strip differs from its usual look: the tool's edge. */
function lowestRows({ data, count }: Frames): number[] {
  const [left, right] = [Math.round(0.68 * size), Math.round(0.74 * size)];
  const value = (frame: number, row: number, column: number) => {
    const at = ((frame * size + row) * size + column) * 3;
    return data[at]! + data[at + 1]! + data[at + 2]!;
  };
  const usual = new Map<number, number>();
  const rows = Math.round(0.72 * size);
  for (let row = 0; row < rows; row++)
    for (let column = left; column < right; column++) {
      const values = Array.from({ length: count }, (_, frame) => value(frame, row, column)).sort((a, b) => a - b);
      usual.set(row * size + column, values[count >> 1]!);
    }
  return Array.from({ length: count }, (_, frame) => {
    for (let row = rows - 1; row >= 0; row--) {
      let changed = 0;
      for (let column = left; column < right; column++)
        if (Math.abs(value(frame, row, column) - usual.get(row * size + column)!) > 60) changed++;
      if (changed > (right - left) / 2) return row;
    }
    return 0;
  });
}

const around = (frame: number, reach: number) => Array.from({ length: 2 * reach + 1 }, (_, i) => frame - reach + i);

describe("bench", () => {
  it("strikes in the frame nearest to the event, with its sound within 5 ms, and nothing at distractors", async () => {
    let [contacts, motions, thuds, worst] = [0, 0, 0, 0];
    for (const recording of await decoded("bench", 6, {})) {
      const { frames, waveform } = recording.media;
      const rows = lowestRows(frames);
      const lowest: number[] = [];
      for (const event of recording.events) {
        const frame = Math.round(event * rate);
        const nearby = around(frame, 4);
        expect(nearby.reduce((a, b) => (rows[b]! > rows[a]! ? b : a))).toBe(frame);
        lowest.push(rows[frame]!);
        const error = Math.abs(onsetNear(waveform.samples, waveform.rate, event) - event);
        expect(error).toBeLessThan(0.005);
        worst = Math.max(worst, error);
        contacts++;
      }
      for (const time of recording.motions) {
        for (const frame of around(Math.round(time * rate), 3))
          expect(rows[frame] ?? 0).toBeLessThan(Math.min(...lowest) - 0.02 * size);
        motions++;
      }
      for (const time of recording.sounds) {
        expect(Math.abs(onsetNear(waveform.samples, waveform.rate, time) - time)).toBeLessThan(0.005);
        thuds++;
      }
    }
    expect(Math.min(contacts - 12, motions, thuds)).toBeGreaterThan(0);
    console.log(
      `${contacts} contacts: sound at most ${(1000 * worst).toFixed(2)} ms away; ${motions} motions, ${thuds} thuds`,
    );
  });
});

/** Row, in fractions, where the red shirt ends above the hips: rows of red in the middle of the figure, weighed by how red. */
function shirtEnds({ data, count }: Frames): number[] {
  return Array.from({ length: count }, (_, frame) => {
    const widths = Array.from({ length: size }, (_, row) => {
      let width = 0;
      for (let column = 0; column < size; column++) {
        const at = ((frame * size + row) * size + column) * 3;
        const [r, g, b] = [data[at]!, data[at + 1]!, data[at + 2]!];
        width += Math.min(1, Math.max(0, (r - 2 * Math.max(g, b)) / 40));
      }
      return width;
    });
    // Where the width, narrowing downwards, passes a tenth of the picture.
    let row = size - 1;
    while (row > 0 && widths[row]! < 0.05 * size) row--;
    return row + (widths[row]! - 0.05 * size) / (widths[row]! - widths[row + 1]!);
  });
}

/** Frame, in fractions, of the top of the parabola through the lowest row near `frame` and its neighbours two frames away. */
function peakNear(rows: readonly number[], frame: number): number {
  const top = around(frame, 3).reduce((a, b) => (rows[b]! > rows[a]! ? b : a));
  const [before, at, after] = [rows[top - 2]!, rows[top]!, rows[top + 2]!];
  return top + (before - after) / (before - 2 * at + after);
}

describe("dancer", () => {
  it("has its hips lowest on the beat, with the drum within 5 ms", async () => {
    let [beats, worstFrame, worstSound] = [0, 0, 0];
    for (const { media, events, motions, sounds } of await decoded("dancer", 4, { variety: 0 })) {
      const rows = shirtEnds(media.frames);
      for (const beat of [...events, ...motions]) {
        if (beat * rate > media.frames.count - 6 || beat * rate < 6) continue;
        const error = Math.abs(peakNear(rows, Math.round(beat * rate)) - beat * rate);
        expect(error).toBeLessThan(0.5);
        worstFrame = Math.max(worstFrame, error);
        beats++;
      }
      for (const beat of [...events, ...sounds]) {
        const error = Math.abs(onsetNear(media.waveform.samples, media.waveform.rate, beat) - beat);
        expect(error).toBeLessThan(0.005);
        worstSound = Math.max(worstSound, error);
      }
    }
    expect(beats).toBeGreaterThan(15);
    console.log(
      `${beats} beats: hips at most ${worstFrame.toFixed(2)} frames, drums ${(1000 * worstSound).toFixed(2)} ms away`,
    );
  });
});
