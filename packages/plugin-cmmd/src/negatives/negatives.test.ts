import { type ClipFacts, type ClipPlace, CmmdError, type Modality, type Random, type Span, stream } from "@cmmd/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { segmentSwap } from "./segment-swap.js";
import { swap } from "./swap.js";
import { temporalShift } from "./temporal-shift.js";

const steps = { video: 18, audio: 112 };
const rates = { video: 10, audio: 62.5 };

/** A clip of a recording with so many video frames of context. */
const place = (id: string, recording: string, before: number, after: number): ClipPlace => ({
  id,
  recording,
  split: "train",
  events: [],
  context: { video: { before, after }, audio: { before: before * 6.25, after: after * 6.25 } },
  rates,
  steps,
});
const pool = ["a", "b", "c"].flatMap((recording) => [0, 1, 2].map((i) => place(`${recording}${i}`, recording, 4, 4)));

type Plan<O> = (
  options: O,
  input: { clip: ClipPlace; pool: readonly ClipPlace[]; modality: Modality; random: Random },
) => readonly Span[];
function planOf<O>(negative: { plan: Plan<O> } | object): Plan<O> {
  if (!("plan" in negative)) throw new Error("negatives are defined in place");
  return negative.plan as Plan<O>;
}
const shift = planOf<{ frames?: number[]; ms?: number[]; beyond: string }>(temporalShift);
const segment = planOf<{ with: string; side?: string; split: number[] }>(segmentSwap);
const whole = planOf<{ with: string }>(swap);

const modalities = fc.constantFrom<Modality>("video", "audio");
const clips = fc.constantFrom(...pool);
const lengthOf = (spans: readonly Span[]) => spans.reduce((sum, { from, to }) => sum + to - from, 0);
/** What is at each step of a negative: the clip and the step in it, as time in seconds of the clip. */
const contents = (spans: readonly Span[]) =>
  spans.flatMap(({ clip, shift: by, from, to }) =>
    Array.from({ length: to - from }, (_, i) => `${clip.id} ${from + i + by}`),
  );
const positive = (clip: ClipPlace, modality: Modality) => contents([{ clip, shift: 0, from: 0, to: steps[modality] }]);

describe("every negative", () => {
  const kinds = [
    ["temporal-shift", shift, { frames: [2, 4], beyond: "error" }],
    ["temporal-shift by ms", shift, { ms: [200, 400], beyond: "error" }],
    ["segment-swap", segment, { with: "another-recording", split: [0.25, 0.75] }],
    ["segment-swap with itself", segment, { with: "itself", split: [0, 1] }],
    ["swap", whole, { with: "any" }],
  ] as const;
  it.each(kinds)("%s is as long as the clip, differs from it, and depends on the seed alone", (_, plan, options) => {
    fc.assert(
      fc.property(clips, modalities, fc.nat(), (clip, modality, seed) => {
        const draw = () => (plan as Plan<unknown>)(options, { clip, pool, modality, random: stream(seed, "n") });
        const spans = draw();
        expect(lengthOf(spans)).toBe(steps[modality]);
        for (const { from, to } of spans) expect(from < to && from >= 0 && to <= steps[modality]).toBe(true);
        expect(contents(spans)).not.toEqual(positive(clip, modality));
        expect(draw()).toEqual(spans);
      }),
    );
  });
});

describe("temporal shift", () => {
  it.each([{ frames: [2, 4] }, { ms: [200, 400] }])(
    "stays within its range and its recording, both ways: %o",
    (range) => {
      const seen = { video: new Set<number>(), audio: new Set<number>() };
      fc.assert(
        fc.property(clips, modalities, fc.nat(), (clip, modality, seed) => {
          const [span] = shift({ ...range, beyond: "error" }, { clip, pool, modality, random: stream(seed, "s") });
          const ms = (Math.abs(span!.shift) / rates[modality]) * 1000;
          expect(ms).toBeGreaterThanOrEqual(200);
          expect(ms).toBeLessThanOrEqual(400);
          expect(Number.isInteger(span!.shift) || "frames" in range).toBe(true);
          seen[modality].add(span!.shift);
        }),
        { numRuns: 400 },
      );
      const sizes = "ms" in range ? [...Array(13).keys()].map((i) => 13 + i) : [12.5, 18.75, 25];
      const both = (list: number[]) => [...list.map((by) => -by), ...list].sort((a, b) => a - b);
      expect([...seen.video].sort((a, b) => a - b)).toEqual(both([2, 3, 4]));
      expect([...seen.audio].sort((a, b) => a - b)).toEqual(both(sizes));
    },
  );

  it("takes the side and the sizes that the recording has", () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.integer({ min: 2, max: 4 }),
        modalities,
        fc.nat(),
        (begins, room, modality, seed) => {
          const clip = begins ? place("x", "x", 1, room) : place("x", "x", room, 1);
          const random = stream(seed, "side");
          const [span] = shift({ frames: [2, 4], beyond: "error" }, { clip, pool, modality, random });
          const inFrames = (span!.shift / rates[modality]) * rates.video;
          expect(begins ? inFrames : -inFrames).toBeGreaterThanOrEqual(2);
          expect(Math.abs(inFrames)).toBeLessThanOrEqual(room);
        },
      ),
    );
  });

  it("without room refuses, or rolls when told to", () => {
    fc.assert(
      fc.property(modalities, fc.nat(), (modality, seed) => {
        const clip = place("x", "x", 1, 1);
        const input = { clip, pool, modality, random: stream(seed, "roll") };
        expect(() => shift({ frames: [2, 4], beyond: "error" }, input)).toThrow(CmmdError);
        const rolled = contents(shift({ frames: [2, 4], beyond: "roll" }, input));
        expect([...rolled].sort()).toEqual(positive(clip, modality).sort());
        expect(rolled).not.toEqual(positive(clip, modality));
      }),
    );
  });

  const facts: ClipFacts = { rates, steps, context: 3, shape: undefined };
  const check = (entry: object, context = 3) =>
    temporalShift.check!({ beyond: "error", ...entry }, { clips: { ...facts, context } } as never, ["video", 0]).map(
      ({ option, message, hint }) => `${option}: ${message} ${hint}`,
    );
  it("says before anything runs what cannot work", () => {
    expect(check({ frames: [2, 3] })).toEqual([]);
    expect(check({ frames: [2, 4] })[0]).toContain("data.clip.context to 4 or more");
    expect(check({})[0]).toContain("data.clip.context to 4 or more");
    expect(check({ ms: [200, 410] })[0]).toContain("data.clip.context to 5 or more");
    expect(check({ frames: [2, 4], beyond: "roll" })).toEqual([]);
    expect(check({ frames: [4, 2] }, 9)[0]).toContain("frames: [2, 4]");
    expect(check({ ms: [110, 190] })[0]).toContain("no whole video frame between 110 and 190 ms");
    expect(check({ ms: [200, 300], frames: [2, 3] })[0]).toContain("twice");
  });
});

describe("segment swap", () => {
  it("keeps one side in place and takes the other from the same place of another recording, cut within the range", () => {
    const sides = new Set<string>();
    fc.assert(
      fc.property(clips, modalities, fc.nat(), (clip, modality, seed) => {
        const options = { with: "another-recording", split: [0.25, 0.75] };
        const [left, right] = segment(options, { clip, pool, modality, random: stream(seed, "cut") });
        expect([left!.shift, left!.from, right!.from, right!.to]).toEqual([0, 0, left!.to, steps[modality]]);
        const share = left!.to / steps[modality];
        expect(share >= 0.25 && share <= 0.75).toBe(true);
        const [own, other] = left!.clip === clip ? [left!, right!] : [right!, left!];
        expect(own.clip.id).toBe(clip.id);
        expect(other.clip.recording).not.toBe(clip.recording);
        sides.add(own === left ? "after" : "before");
      }),
    );
    expect([...sides].sort()).toEqual(["after", "before"]);
  });

  it("exchanges a clip's sides with itself", () => {
    const [clip] = pool;
    const spans = segment(
      { with: "itself", split: [0.5, 0.5] },
      { clip: clip!, pool, modality: "video", random: stream(1, "x") },
    );
    expect(contents(spans)).toEqual(
      [...Array(9).keys()]
        .map((i) => i + 9)
        .concat([...Array(9).keys()])
        .map((i) => `a0 ${i}`),
    );
  });
});

describe("swap", () => {
  it.each(["another-recording", "same-recording", "any"])("takes %s, each clip sooner or later", (kind) => {
    const clip = pool[4]!;
    const seen = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      const [span] = whole({ with: kind }, { clip, pool, modality: "audio", random: stream(seed, "swap") });
      seen.add(span!.clip.id);
    }
    const fits = (other: ClipPlace) =>
      other !== clip && (kind === "any" || (other.recording === "b") === (kind === "same-recording"));
    expect([...seen].sort()).toEqual(pool.filter(fits).map(({ id }) => id));
  });

  it("says when there is no such clip", () => {
    const alone = pool.slice(0, 1);
    for (const kind of ["another-recording", "same-recording", "any"])
      expect(() =>
        whole({ with: kind }, { clip: alone[0]!, pool: alone, modality: "video", random: stream(0, "s") }),
      ).toThrow(expect.objectContaining({ code: "CMMD551" }));
  });
});
