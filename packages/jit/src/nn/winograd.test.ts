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
/** The largest difference, relative to the largest value. */
function expectClose(got: Float32Array, expected: Float32Array, tolerance: number) {
  let [worst, largest] = [0, 0];
  expected.forEach((value, i) => {
    worst = Math.max(worst, Math.abs(got[i]! - value));
    largest = Math.max(largest, Math.abs(value));
  });
  expect(worst / largest).toBeLessThan(tolerance);
}
const tiled = /MatMul\([^)]*\)/g;

describe("convolution by Winograd's tiles", () => {
  const filter = noise([32, 48, 3, 3], 7);

  it.each([
    [[16, 8, 12, 48], "many tiles"],
    [[96, 4, 4, 48], "one tile an image"],
    [[288, 2, 2, 48], "all of an image, from its own four positions"],
    [[72, 2, 8, 48], "two rows of positions"],
  ])("on %s: %s: value and gradients equal the definition", async (shape) => {
    const x = noise(shape, 1);
    expect(String(jit(step).lower(x, filter)).match(tiled)).toHaveLength(3);
    await expectSame(step, [x, filter], 4e-6);
  });

  it.each([18, 16])("along one axis of %i frames: value and gradients equal the definition", async (frames) => {
    const x = noise([2, frames, 48, 96], 1);
    const along = noise([64, 96, 3, 1], 7);
    expect(String(jit(step).lower(x, along)).match(tiled)).toHaveLength(3);
    await expectSame(step, [x, along], 4e-6);
  });

  it.each([
    [{ dilation: 3, pad: [1] }, "dilated, the last tiles beyond the result"],
    [{ dilation: 1, pad: [4] }, "more padding than the kernel reaches"],
  ])(
    "along one axis with %j: %s: value and gradients equal the definition",
    async (options: { dilation?: number; pad: number[] }, _: string) => {
      const along = (x: tf.Tensor, w: tf.Tensor) =>
        valueAndGrad(
          (p: { x: tf.Tensor; w: tf.Tensor }) => {
            const y = nn.conv(p.x, p.w, options);
            return { value: y.square().sum(), aux: y };
          },
          { x, w },
        );
      const [x, w] = [noise([1, 901, 96], 1), noise([96, 96, 3], 7)];
      expect(String(jit(along).lower(x, w)).match(tiled)).toHaveLength(3);
      await expectSame(along, [x, w], 4e-6);
    },
  );

  it("transposed with a kernel of twice the stride, by tiles of rows of all phases: as by definition", async () => {
    const up = (x: tf.Tensor, w: tf.Tensor) =>
      valueAndGrad(
        (p: { x: tf.Tensor; w: tf.Tensor }) => {
          const y = nn.convTranspose(p.x, p.w, { stride: 4, pad: 2 });
          return { value: y.square().sum(), aux: y };
        },
        { x, w },
      );
    const [x, w] = [noise([1, 701, 128], 1), noise([128, 64, 8], 7)];
    expect(String(jit(up).lower(x, w)).match(tiled)).toHaveLength(3);
    await expectSame(up, [x, w], 4e-6);
  });

  it("of large pictures some images at a time: as each image by itself, the filter's gradients added", async () => {
    const shape = [128, 128, 96];
    const size = 128 * 128 * 96;
    const x = noise([3, ...shape], 1);
    const w = noise([16, 96, 3, 3], 7);
    const run = jit(step);
    expect(String(run.lower(x, w)).match(tiled)).toHaveLength(6);
    const read = async ({ aux, grads }: Awaited<ReturnType<typeof run>>) =>
      Promise.all([aux, grads.x, grads.w].map(async (tensor) => (await tensor.read()).data as Float32Array));
    const [y, dx, dw] = await read(await run(x, w));
    const sum = new Float32Array(dw!.length);
    for (let i = 0; i < 3; i++) {
      const image = { shape: [1, ...shape], data: x.data.slice(i * size, (i + 1) * size) };
      const [ownY, ownDx, ownDw] = await read(await run(image, w));
      expectClose(y!.subarray(i * ownY!.length, (i + 1) * ownY!.length), ownY!, 1e-6);
      expectClose(dx!.subarray(i * size, (i + 1) * size), ownDx!, 1e-6);
      ownDw!.forEach((value, j) => {
        sum[j]! += value;
      });
    }
    expectClose(dw!, sum, 1e-5);
    await run.dispose();
  });

  it.each([2, 4])(
    "with a frozen filter, each cell a product of its own, on images of %i: as given one",
    async (size) => {
      const [x, w] = [noise([18, size, size, 512], 1), noise([768, 512, 3, 3], 7)];
      const [frozen, given] = [jit(step, { freeze: [1] }), jit(step)];
      expect(String(frozen.lower(x, w))).toMatch(/Split\(/);
      const [got, want] = await Promise.all(
        [frozen, given].map(async (run) => {
          const { aux, grads } = await run(x, w);
          return Promise.all([aux, grads.x].map(async (value) => (await value.read()).data as Float32Array));
        }),
      );
      got!.forEach((values, i) => {
        expectClose(values, want![i]!, 4e-6);
      });
      await Promise.all([frozen.dispose(), given.dispose()]);
    },
  );

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
