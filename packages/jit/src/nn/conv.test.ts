import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectSame, finiteDifferences, noise } from "../../test/compare.js";
import { jit, nn, tf, valueAndGrad } from "../index.js";

const params = { numRuns: 25, seed: 7 };

/** Value and both gradients of a weighted sum of the result, whose weights differ from element to element. */
const withGradients = (f: (x: tf.Tensor, w: tf.Tensor) => tf.Tensor) => (x: tf.Tensor, w: tf.Tensor) =>
  valueAndGrad(
    (p: { x: tf.Tensor; w: tf.Tensor }) => {
      const y = f(p.x, p.w);
      return { value: y.mul(tf.range(0, y.size).sin().reshape(y.shape)).sum(), aux: { y } };
    },
    { x, w },
  );

describe("conv", () => {
  it("equals tfjs's conv2d and its gradients", async () => {
    const shapes = fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      h: fc.integer({ min: 3, max: 6 }),
      w: fc.integer({ min: 3, max: 6 }),
      c: fc.integer({ min: 1, max: 4 }),
      o: fc.integer({ min: 1, max: 4 }),
      kh: fc.integer({ min: 1, max: 3 }),
      kw: fc.integer({ min: 1, max: 3 }),
      stride: fc.integer({ min: 1, max: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ batch, h, w, c, o, kh, kw, stride }) => {
        const [x, filter] = [noise([batch, h, w, c], 1.3), noise([o, c, kh, kw], 2.1)];
        const ours = jit(withGradients((x, f) => nn.conv(x, f, { stride, pad: "valid" })));
        const theirs = withGradients((x, f) =>
          tf.conv2d(x as tf.Tensor4D, f.transpose([2, 3, 1, 0]) as tf.Tensor4D, stride, "valid"),
        );
        const got = await ours(x, filter);
        const want = theirs(tf.tensor(x.data, [...x.shape]), tf.tensor(filter.data, [...filter.shape]));
        for (const [a, b] of [
          [got.aux.y, want.aux.y],
          [got.grads.x, want.grads.x],
          [got.grads.w, want.grads.w],
        ] as const) {
          expect(a.shape).toEqual(b.shape);
          const values = (await a.read()).data;
          b.dataSync().forEach((value, i) => {
            expect(Math.abs(values[i]! - value)).toBeLessThan(2e-5);
          });
        }
        await ours.dispose();
      }),
      params,
    );
  });

  it("equals tfjs's conv1d and conv3d", async () => {
    const x1 = noise([2, 9, 3]);
    const f1 = noise([4, 3, 3], 2);
    const eager1 = tf.conv1d(
      tf.tensor3d(x1.data, [2, 9, 3]),
      tf.tensor(f1.data, [4, 3, 3]).transpose([2, 1, 0]) as tf.Tensor3D,
      1,
      "same",
    );
    const got1 = await (await jit((x: tf.Tensor, f: tf.Tensor) => nn.conv(x, f))(x1, f1)).read();
    const x3 = noise([2, 4, 3, 5, 2]);
    const f3 = noise([3, 2, 3, 1, 3], 2);
    const eager3 = tf.conv3d(
      tf.tensor5d(x3.data, [2, 4, 3, 5, 2]),
      tf.tensor(f3.data, [3, 2, 3, 1, 3]).transpose([2, 3, 4, 1, 0]) as tf.Tensor5D,
      1,
      "same",
    );
    const got3 = await (await jit((x: tf.Tensor, f: tf.Tensor) => nn.conv(x, f))(x3, f3)).read();
    for (const [got, eager] of [
      [got1, eager1],
      [got3, eager3],
    ] as const) {
      eager.dataSync().forEach((value, i) => {
        expect(Math.abs(got.data[i]! - value)).toBeLessThan(1e-5);
      });
    }
  });

  it("with groups, dilation and stride: traced equals eager, eager equals finite differences", async () => {
    const shapes = fc.record({
      length: fc.integer({ min: 5, max: 8 }),
      groups: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 2 }),
      stride: fc.integer({ min: 1, max: 3 }),
      pad: fc.integer({ min: 0, max: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ length, groups, dilation, stride, pad }) => {
        const x = noise([2, length, 2 * groups], 1.7);
        const w = noise([2 * groups, 2, 3], 0.9);
        const f = withGradients((x, w) => nn.conv(x, w, { groups, dilation, stride, pad: [pad] }));
        await expectSame(f, [x, w], 1e-5);
        const value = (xs: Float32Array, ws: Float32Array) =>
          f(tf.tensor(xs, [...x.shape]), tf.tensor(ws, [...w.shape])).value.dataSync()[0]!;
        const { grads } = f(tf.tensor(x.data, [...x.shape]), tf.tensor(w.data, [...w.shape]));
        const dx = finiteDifferences((xs) => value(xs, w.data), x.data);
        const dw = finiteDifferences((ws) => value(x.data, ws), w.data);
        for (const [a, b] of [
          [grads.x.dataSync(), dx],
          [grads.w.dataSync(), dw],
        ] as const) {
          b.forEach((difference, i) => {
            expect(Math.abs(difference - a[i]!)).toBeLessThan(2e-3);
          });
        }
      }),
      { ...params, numRuns: 8 },
    );
  });

  it.each([
    ["41 taps, stride 4, 2 groups", [2, 50, 8], [8, 4, 41], { stride: 4, groups: 2, pad: [20] }],
    ["from one channel", [2, 40, 1], [3, 1, 15], { pad: [7] }],
    ["to one channel", [2, 40, 6], [1, 6, 7], { pad: "valid" }],
    ["stride beyond the kernel", [2, 21, 3], [4, 3, 2], { stride: 5, pad: [1] }],
    ["nothing but padding", [1, 1, 2], [4, 1, 1], { stride: 9, pad: [3], groups: 2 }],
    ["depthwise", [2, 37, 6], [12, 1, 7], { groups: 6 }],
    ["depthwise in two dimensions", [2, 9, 21, 6], [6, 1, 3, 5], { groups: 6, stride: [2, 1] }],
    [
      "groups in three dimensions",
      [1, 4, 5, 6, 4],
      [6, 2, 3, 1, 3],
      { groups: 2, stride: [1, 2, 3], dilation: [1, 1, 2], pad: [1, 0, 2] },
    ],
  ] as const)("by rows equals the sum of its products, eagerly: %s", async (_, x, w, options) => {
    const f = withGradients((x, w) => nn.conv(x, w, options));
    await expectSame(f, [noise([...x], 1.7), noise([...w], 0.9)], 2e-5);
  });

  it.each([
    ["one dimension", [2, 37, 32], [32, 1, 7], { dilation: 2, pad: [3] }],
    ["two dimensions", [2, 9, 12, 16], [16, 1, 3, 5], { stride: [2, 3] }],
    ["two dimensions without padding", [1, 8, 9, 16], [16, 1, 2, 2], { stride: 2, pad: "valid" }],
  ] as const)("a frozen depthwise filter computes the same: %s", async (_, size, kernel, options) => {
    const [x, w] = [noise([...size], 1.7), noise([...kernel], 0.9)];
    const f = (w: tf.Tensor, x: tf.Tensor) => nn.conv(x, w, { ...options, groups: kernel[0] });
    const [frozen, given] = [jit(f, { freeze: [0] }), jit(f)];
    expect(String(frozen.lower(w, x))).toContain("= Conv(");
    const [got, want] = [await (await frozen(w, x)).read(), await (await given(w, x)).read()];
    expect(got.shape).toEqual(want.shape);
    got.data.forEach((value, i) => {
      expect(Math.abs(value - want.data[i]!)).toBeLessThan(1e-5);
    });
    await Promise.all([frozen.dispose(), given.dispose()]);
  });

  it("has second derivatives", async () => {
    const gradientNorm = (x: tf.Tensor, w: tf.Tensor) =>
      valueAndGrad((w: tf.Tensor) => {
        const { grads } = valueAndGrad((x: tf.Tensor) => ({ value: nn.conv(x, w).square().sum() }), x);
        return { value: grads.square().sum() };
      }, w);
    const x = noise([1, 6, 2]);
    const w = noise([2, 2, 3], 0.7);
    await expectSame(gradientNorm, [x, w]);
    const value = (ws: Float32Array) =>
      gradientNorm(tf.tensor(x.data, [1, 6, 2]), tf.tensor(ws, [2, 2, 3])).value.dataSync()[0]!;
    const exact = gradientNorm(tf.tensor(x.data, [1, 6, 2]), tf.tensor(w.data, [2, 2, 3])).grads.dataSync();
    const scale = (exact as Float32Array).reduce((most, g) => Math.max(most, Math.abs(g)), 0);
    finiteDifferences(value, w.data).forEach((difference, i) => {
      expect(Math.abs(difference - exact[i]!) / scale).toBeLessThan(2e-3);
    });
  });

  it("says which shapes do not fit", () => {
    expect(() => nn.conv(tf.zeros([1, 4, 3]), tf.zeros([2, 2, 3]))).toThrow(
      /conv of x \[1,4,3\] with filter \[2,2,3\].*channels/,
    );
    expect(() => nn.conv(tf.zeros([1, 4, 3]), tf.zeros([2, 3, 2]))).toThrow(/odd kernels/);
  });
});
