import type { Features } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { noise } from "../../test/impacts.js";
import { context, item } from "../../test/items.js";
import { frechetLogMel } from "./log-mel.js";

function features(seed: number, offset = 0): Features {
  return { frames: 40, bins: 8, data: Float32Array.from(noise(320, seed), (value) => value + offset) };
}
const items = (offset: number) =>
  [1, 2, 3, 4].map((seed) =>
    item(String(seed), [], {
      generated: { features: features(seed, offset) },
      reference: { features: features(seed) },
    }),
  );

describe("frechet-log-mel", () => {
  it("is the squared distance of the means when only they differ, in every band", async () => {
    const { values } = await frechetLogMel.compute({ splits: 10 }, items(0.5), context());
    expect(values[0]!.name).toContain("not_fad");
    expect(values[0]!.value).toBeCloseTo(8 * 0.25, 5);
  });

  it("is zero for the reference itself; its halves show what chance leaves, the same at every run", async () => {
    const one = await frechetLogMel.compute({ splits: 10 }, items(0), context());
    const two = await frechetLogMel.compute({ splits: 10 }, items(0), context());
    expect(one.values[0]!.value).toBeCloseTo(0, 10);
    expect(one.values[0]!.control).toBeGreaterThan(0.01);
    expect(two).toEqual(one);
  });

  it("names the clip whose features differ in bands or are not finite", async () => {
    const narrow: Features = { frames: 40, bins: 7, data: new Float32Array(280) };
    const broken: Features = { ...features(1), data: features(1).data.with(3, Number.NaN) };
    for (const [code, wrong] of [
      ["CMMD601", narrow],
      ["CMMD602", broken],
    ] as const) {
      const bad = item("bad", [], { generated: { features: wrong }, reference: { features: features(9) } });
      await expect(frechetLogMel.compute({ splits: 1 }, [...items(0), bad], context())).rejects.toMatchObject({
        code,
        message: expect.stringContaining("clip bad"),
      });
    }
  });
});
