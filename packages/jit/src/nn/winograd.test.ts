import { describe, expect, it } from "vitest";
import { expectSame } from "../../test/compare.js";
import { jit, nn, type tf, valueAndGrad } from "../index.js";

/** Uncorrelated numbers in [-1, 1): sums do not cancel more than those of real features do. */
function noise(shape: readonly number[], seed: number) {
  const size = shape.reduce((a, b) => a * b, 1);
  const hash = (i: number) => {
    const h = Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(seed, 0x85ebca77);
    const mixed = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
    return ((mixed ^ (mixed >>> 12)) >>> 0) / 2 ** 31 - 1;
  };
  return { shape, data: Float32Array.from({ length: size }, (_, i) => hash(i)) };
}

/** A convolution by Winograd's tiles (36 products by tile, so a MatMul of 36 matrices) with both gradients. */
const step = (x: tf.Tensor, w: tf.Tensor) =>
  valueAndGrad(
    (p: { x: tf.Tensor; w: tf.Tensor }) => {
      const y = nn.conv(p.x, p.w);
      return { value: y.square().sum(), aux: y };
    },
    { x, w },
  );
const tiled = /MatMul\([^)]*\)/g;

describe("convolution by Winograd's tiles", () => {
  const filter = noise([32, 48, 3, 3], 7);

  it.each([
    [[8, 8, 12, 48], "many tiles"],
    [[96, 4, 4, 48], "one tile an image"],
  ])("on %s: %s: value and gradients equal the definition", async (shape) => {
    const x = noise(shape, 1);
    expect(String(jit(step).lower(x, filter)).match(tiled)).toHaveLength(3);
    await expectSame(step, [x, filter], 4e-6);
  });

  it.each([18, 16])("along one axis of %i frames: value and gradients equal the definition", async (frames) => {
    const x = noise([2, frames, 32, 96], 1);
    const along = noise([64, 96, 3, 1], 7);
    expect(String(jit(step).lower(x, along)).match(tiled)).toHaveLength(3);
    await expectSame(step, [x, along], 4e-6);
  });

  it("is left to patches where it does not pay: few tiles, few channels, other sizes", () => {
    for (const [shape, w] of [
      [[1, 4, 4, 48], filter],
      [[8, 8, 12, 2], noise([2, 2, 3, 3], 1)],
      [[8, 6, 8, 48], filter],
    ] as const) {
      expect(String(jit(step).lower(noise(shape, 1), w))).not.toMatch(tiled);
    }
  });
});
