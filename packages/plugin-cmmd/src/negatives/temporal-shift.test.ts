import { type Clip, stream } from "@cmmd/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporalShift } from "./temporal-shift.js";

const frames = 18;
const melFrames = 112;

/** A clip that says by its first value how far it was moved, and by the rest which row stands where. */
const clip = (before: number, after: number): Clip => ({
  id: "clip",
  split: "train",
  events: [],
  context: { before, after },
  rate: 10,
  shape: { video: [frames, 1, 1, 1], audio: [melFrames, 1] },
  video: (shift) => Float32Array.from({ length: frames }, (_, i) => i + shift),
  audio: (shift) => Float32Array.from({ length: melFrames }, (_, i) => i + 1000 * shift),
});

if (!("draw" in temporalShift)) throw new Error("temporal-shift is defined in place");
const { draw } = temporalShift;

describe("temporal shift", () => {
  it("moves by the wanted number of frames within the recording, either way", () => {
    const shifts = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 }));
    const seen = new Set<number>();
    fc.assert(
      fc.property(shifts, fc.nat(), ([least, more], seed) => {
        const most = least + more;
        const random = stream(seed, "shift");
        const moved = draw({ frames: [least, most] }, { clip: clip(8, 8), pool: [], modality: "video", random });
        const shift = moved[0]!;
        seen.add(Math.sign(shift));
        expect(Math.abs(shift)).toBeGreaterThanOrEqual(least);
        expect(Math.abs(shift)).toBeLessThanOrEqual(most);
      }),
    );
    expect([...seen].sort()).toEqual([-1, 1]);
  });

  it("takes the side on which the recording goes on", () => {
    fc.assert(
      fc.property(fc.nat(), fc.boolean(), (seed, begins) => {
        const one = begins ? clip(0, 4) : clip(4, 0);
        const moved = draw(
          { frames: [2, 4] },
          { clip: one, pool: [], modality: "audio", random: stream(seed, "side") },
        );
        expect(Math.sign(moved[0]!)).toBe(begins ? 1 : -1);
        expect(moved[1]! - moved[0]!).toBe(1);
      }),
    );
  });

  it("rolls a clip without context in a circle, by the same time in either modality", () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom("video" as const, "audio" as const), (seed, modality) => {
        const random = stream(seed, "roll");
        const moved = draw({ frames: [3, 3] }, { clip: clip(0, 0), pool: [], modality, random });
        const rows = modality === "video" ? frames : melFrames;
        expect([...moved].sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
        const by = modality === "video" ? 3 : Math.round((3 * melFrames) / frames);
        expect([by, rows - by]).toContain(moved[0]);
      }),
    );
  });
});
