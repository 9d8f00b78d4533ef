import fc from "fast-check";
import { expect, it } from "vitest";
import { stream } from "../diffusion/random.js";
import { CmmdError } from "../errors.js";
import type { Clip, Modality } from "../plugin/clips.js";
import type { NegativeBody, UseNegative } from "../plugin/components.js";
import { openNegatives } from "./mixture.js";

const steps = { video: 6, audio: 8 };
const width = { video: 2, audio: 3 };

/** A clip whose values say which clip, modality, step and channel they are. */
const clip = (index: number): Clip => {
  const values = (modality: Modality, shift: number) =>
    Float32Array.from(
      { length: steps[modality] * width[modality] },
      (_, i) => 1000 * index + 10 * (Math.floor(i / width[modality]) + shift) + (i % width[modality]),
    );
  return {
    id: String(index),
    recording: "all",
    split: "train",
    events: [],
    context: { video: { before: 2, after: 2 }, audio: { before: 2, after: 2 } },
    rates: steps,
    steps,
    shape: { video: [6, 1, 1, 2], audio: [8, 3] },
    video: (shift) => values("video", shift),
    audio: (shift) => values("audio", shift),
  };
};
const pool = [0, 1, 2].map(clip);

/** The first steps of the clip moved by two, then the rest of the first clip of the pool. */
const joined: NegativeBody<{ at: number }> = {
  plan: ({ at }, { clip, pool, modality }) => [
    { clip, shift: 2, from: 0, to: at },
    { clip: pool[0]!, shift: 0, from: at, to: clip.steps[modality] },
  ],
};

const open = (negatives: readonly UseNegative[], body: NegativeBody<{ at: number }> = joined) =>
  openNegatives(
    {
      pipeline: { train: { losses: [{ options: { negatives: { video: negatives, audio: negatives } } }] } },
      component: async () => body,
      context: { random: (purpose: string) => stream(0, purpose) },
    } as never,
    pool,
  );

it("puts the rows of the spans one after the other", async () => {
  const draw = await open([{ use: "joined", at: 2 }]);
  expect([...draw([{ use: "joined", at: 2 }], pool[1]!, "video", stream(1, "x"))]).toEqual([
    1020, 1021, 1030, 1031, 20, 21, 30, 31, 40, 41, 50, 51,
  ]);
  expect(draw([{ use: "joined", at: 7 }], pool[2]!, "audio", stream(1, "x"))).toHaveLength(24);
});

it("draws each entry as often as its weight says", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
      fc.nat(),
      async (shares, seed) => {
        const entries = shares.map((weight, i) => ({ use: "joined", weight, at: i + 1 }));
        const draw = await open(entries);
        const counts = shares.map(() => 0);
        const draws = 3000;
        for (let i = 0; i < draws; i++) {
          const values = draw(entries, pool[1]!, "video", stream(seed, "draw", i));
          counts[values.filter((_, k) => k % 2 === 0).findIndex((value) => value < 1000) - 1]!++;
        }
        const total = shares.reduce((a, b) => a + b);
        for (const [i, weight] of shares.entries()) {
          const p = weight / total;
          // Five standard deviations of a binomial count.
          expect(Math.abs(counts[i]! - draws * p)).toBeLessThanOrEqual(5 * Math.sqrt(draws * p * (1 - p)));
        }
      },
    ),
    { numRuns: 15 },
  );
});

it("refuses before training what cannot be made, and plans that are too short", async () => {
  const short: NegativeBody<unknown> = { plan: (_, { clip }) => [{ clip, shift: 0, from: 0, to: 3 }] };
  await expect(open([{ use: "short" }], short)).rejects.toMatchObject({ code: "CMMD552" });
  const picky: NegativeBody<{ at: number }> = {
    plan(options, input) {
      if (input.clip.id === "1") throw new CmmdError("CMMD551", "clip 1 will not do", { hint: "Do without." });
      return joined.plan(options, input);
    },
  };
  const told =
    /^1 of 3 clips of the split "train" cannot give the negative "picky" \(train.losses.0.negatives.video.0\).*clip 1 will not do/;
  await expect(open([{ use: "picky", at: 2 }], picky)).rejects.toMatchObject({
    code: "CMMD551",
    message: expect.stringMatching(told),
    hint: "Do without.",
  });
});
