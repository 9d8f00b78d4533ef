import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutClips, tooShort, windowsOf } from "./windows.js";

const sizes = fc.record({
  frames: fc.integer({ min: 1, max: 20 }),
  every: fc.integer({ min: 1, max: 25 }),
  context: fc.integer({ min: 0, max: 6 }),
});

/** A recording whose frame f is filled with f, and whose sound says at each sample which frame it belongs to. */
function recording(count: number, samplesPerFrame: number) {
  return {
    rate: 10,
    frames: { count, height: 1, width: 1, data: Uint8Array.from({ length: count * 3 }, (_, i) => Math.floor(i / 3)) },
    waveform: {
      rate: 10 * samplesPerFrame,
      samples: Float32Array.from({ length: count * samplesPerFrame }, (_, i) => Math.floor(i / samplesPerFrame)),
    },
  };
}

describe("windows", () => {
  it("lie within the recording, one every so many frames, with all the context there is", () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 80 }), (clip, total) => {
        const windows = windowsOf("r", total / 10, 10, clip);
        expect(windows.length).toBe(total < clip.frames ? 0 : Math.floor((total - clip.frames) / clip.every) + 1);
        for (const { from, before, after } of windows) {
          expect(before).toBe(Math.min(clip.context, from));
          expect(after).toBe(Math.min(clip.context, total - from - clip.frames));
        }
      }),
    );
  });

  it("cut pictures and sound that belong together", () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 20, max: 80 }), fc.integer({ min: 1, max: 9 }), (clip, total, perFrame) => {
        const windows = windowsOf("r", total / 10, 10, clip);
        for (const cut of cutClips(recording(total, perFrame), 0, windows, clip.frames)) {
          const { window, frames, waveform, sound } = cut!;
          const first = window.from - window.before;
          expect(frames.count).toBe(clip.frames + window.before + window.after);
          expect(frames.data[0]).toBe(first);
          expect(frames.data.at(-1)).toBe(first + frames.count - 1);
          expect([...new Set(waveform.samples)]).toEqual(Array.from({ length: frames.count }, (_, i) => first + i));
          expect(sound.samples[0]).toBe(window.from);
          expect(sound.samples.length).toBe(clip.frames * perFrame);
        }
      }),
    );
  });

  it("report a recording that ends before its clip does", () => {
    const windows = windowsOf("r", 4, 10, { frames: 18, every: 18, context: 2 });
    const cuts = [...cutClips(recording(30, 4), 0, windows, 18)];
    expect(cuts.map((cut) => cut?.window.from)).toEqual([0, undefined]);
  });

  it("tell why a recording has none", () => {
    expect(tooShort({ start: 2 }, 0.5, 18, 10)).toMatch(/0\.50 s .* 18 frames \(1\.80 s\)/);
    expect(tooShort({ start: 300 }, -12, 18, 10)).toMatch(/ends before second 300\.00/);
  });
});
