import fc from "fast-check";
import { expect, it } from "vitest";
import type { FeatureDefinition } from "../plugin/media.js";
import { planLength } from "./length.js";
import { blender, cut, layWindows } from "./windows.js";

/** 10 frames and 16000 samples per second, hop 256: 6.25 feature frames per video frame. */
const input = {
  trained: { video: [18, 2, 1, 3], audio: [112, 5] },
  rates: { video: 10, audio: 16000 },
  definition: { kind: "test", rate: 16000, bins: 5, window: 512, hop: 256 } as FeatureDefinition,
  fits: () => true,
} as const;

it("windows cover the clip, overlap, and put together what was cut", () => {
  fc.assert(
    fc.property(fc.integer({ min: 19, max: 400 }), (frames) => {
      const layout = layWindows(frames, input.trained, 6.25);
      const { whole, starts } = layout;
      expect([starts[0]!.video, starts.at(-1)!.video]).toEqual([0, frames - 18]);
      expect(Math.floor(frames * 6.25) - whole.audio[0]).toBeLessThanOrEqual(1);
      for (const [i, { video, audio }] of starts.entries()) {
        expect(Math.abs(audio - 6.25 * video)).toBeLessThan(0.51);
        if (i > 0) expect(starts[i - 1]!.video + 18 - video).toBeGreaterThanOrEqual(5);
      }
      for (const modality of ["video", "audio"] as const) {
        const clips = Float32Array.from({ length: 2 * whole[modality].reduce((a, b) => a * b) }, (_, i) => Math.sin(i));
        const again = blender(layout)(cut(clips, modality, layout), modality);
        expect(again.reduce((most, value, i) => Math.max(most, Math.abs(value - clips[i]!)), 0)).toBeLessThan(1e-6);
      }
    }),
    { numRuns: 30 },
  );
});

// 36 frames have 225 feature frames, of which 224 are taken (specification, section 7.9).
it("lengths: in one piece where the network takes them, otherwise in windows", () => {
  const plan = (frames: number, window?: number) => {
    const { whole, window: one, starts } = planLength({ ...input, frames, window });
    return [whole.audio[0], one.video[0], one.audio[0], starts.length];
  };
  expect(plan(18)).toEqual([112, 18, 112, 1]);
  expect(plan(9)).toEqual([56, 9, 56, 1]);
  expect(plan(36)).toEqual([224, 36, 224, 1]);
  expect(plan(24)).toEqual([150, 18, 112, 2]);
  expect(plan(72)).toEqual([450, 18, 112, 6]);
  expect(plan(72, 36)).toEqual([449, 36, 224, 3]);
  expect(plan(72, 72)).toEqual([448, 72, 448, 1]);
  expect(() => plan(10)).toThrow(/10 video frames at once: they last 62.50 feature frames/);
  const hint = (frames: number, window?: number) => {
    try {
      return plan(frames, window);
    } catch (error) {
      return (error as { hint?: string }).hint;
    }
  };
  expect(hint(10)).toBe("The nearest that fit: 9, 18 frames.");
  expect(hint(60, 20)).toMatch(/nearest that fit: 18, 22/);
});
