import { expect, it } from "vitest";
import type { Recording } from "../plugin/clips.js";
import { neighbours } from "./neighbours.js";

const span = (media: string, start?: number, duration?: number): Recording => ({
  ...{ id: `${media}${start}`, media, split: "train" },
  ...(start !== undefined && { start }),
  ...(duration !== undefined && { duration }),
});

it("groups spans of one file that follow each other closely, together not longer than a run may be", () => {
  const spans = [
    span("a", 0, 4),
    span("a", 3, 4), // overlaps
    span("a", 9, 4), // near enough
    span("a", 17, 4), // too far
    span("b", 17, 4), // another file
    span("b", 21, 50),
    span("b", 71, 8), // too long with the others
    span("c"), // nobody knows how long
    span("c", 1, 2),
    { ...span("d", 0, 2), sound: "d.wav" },
    { ...span("d", 2, 2), sound: "d.wav" },
  ];
  expect(neighbours(spans, 60).map((group) => group.length)).toEqual([3, 1, 2, 1, 1, 1, 1, 1]);
  const many = Array.from({ length: 40 }, (_, i) => span("e", i, 1));
  expect(neighbours(many, 60).map((group) => group.length)).toEqual([16, 16, 8]);
});
