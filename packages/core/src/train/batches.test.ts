import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clipOrder } from "./batches.js";

describe("clip order", () => {
  it("shows every clip once per epoch, whatever position it starts from", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 99 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 5 }),
        (seed, count, epoch) => {
          const order = clipOrder(seed, count);
          const seen = Array.from({ length: count }, (_, i) => order(epoch * count + i));
          expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
          const resumed = clipOrder(seed, count);
          expect(resumed(epoch * count + count - 1)).toBe(seen.at(-1));
        },
      ),
    );
  });
});
