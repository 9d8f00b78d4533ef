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
