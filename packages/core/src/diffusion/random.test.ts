import { describe, expect, it } from "vitest";
import { philox, stream } from "./random.js";

describe("philox", () => {
  // The known answers that the authors publish with Random123 (kat_vectors, philox4x32 with 10 rounds).
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)("of %s with key %s", (counter, key, expected) => {
    expect([...philox(counter, key)]).toEqual([...expected]);
  });
});

describe("stream", () => {
  it("is a function of its key alone", () => {
    expect(stream(7, "noise", 3, 1).normal(9)).toEqual(stream(7, "noise", 3, 1).normal(9));
    expect(stream(7, "noise", 3, 1).normal(9)).not.toEqual(stream(7, "noise", 3, 2).normal(9));
    expect(stream(7, "noise", 3, 1).normal(9)).not.toEqual(stream(7, "other", 3, 1).normal(9));
  });

  it("is standard normal in its first four moments", () => {
    const values = stream(1, "moments").normal(200_000);
    const moment = (k: number) => values.reduce((sum, x) => sum + x ** k, 0) / values.length;
    expect(moment(1)).toBeCloseTo(0, 1.8);
    expect(moment(2)).toBeCloseTo(1, 1.8);
    expect(moment(3)).toBeCloseTo(0, 1.3);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.1);
  });
});
