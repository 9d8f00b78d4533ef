import { describe, expect, it } from "vitest";
import { expectSame, finiteDifferences, noise } from "../../../test/compare.js";
import { tf, valueAndGrad } from "../../index.js";

const images = noise([2, 7, 6, 3], 1.3);
const volumes = noise([2, 5, 4, 6, 2], 0.9);
type Image = tf.Tensor4D;
type Volume = tf.Tensor5D;

/** The value of a weighted sum of what `f` gives, its gradient, and what it gives. */
const withGradient = (f: (x: tf.Tensor) => tf.Tensor) => (x: tf.Tensor) =>
  valueAndGrad((x: tf.Tensor) => {
    const y = f(x);
    return { value: y.mul(tf.range(0, y.size).sin().reshape(y.shape)).sum(), aux: y };
  }, x);

describe("pooling against tfjs's eager cpu backend, with gradients", () => {
  const cases: Record<string, (x: tf.Tensor) => tf.Tensor> = {
    "max 2x2": (x) => tf.maxPool(x as Image, 2, 2, "valid"),
    "max 3x2, stride 2x1, same": (x) => tf.maxPool(x as Image, [3, 2], [2, 1], "same"),
    "max 3, stride 2, pad 1": (x) => tf.maxPool(x as Image, 3, 2, 1, "floor"),
    "average 2x2": (x) => tf.avgPool(x as Image, 2, 2, "valid"),
    "average 3x2, stride 2x1, same": (x) => tf.avgPool(x as Image, [3, 2], [2, 1], "same"),
    "average 3, stride 1, same": (x) => tf.avgPool(x as Image, 3, 1, "same"),
    "dilated": (x) => tf.pool(x as Image, [2, 2], "max", "same", [2, 2], 1),
  }; // biome-ignore format: a table
  it.each(Object.entries(cases))("%s", async (_, f) => {
    await expectSame(withGradient(f), [images], 1e-5);
  });

  const cases3d: Record<string, (x: tf.Tensor) => tf.Tensor> = {
    "max 2": (x) => tf.maxPool3d(x as Volume, 2, 2, "valid"),
    "max 3, same": (x) => tf.maxPool3d(x as Volume, 3, 1, "same"),
    "average 2x1x3": (x) => tf.avgPool3d(x as Volume, [2, 1, 3], [2, 1, 2], "valid"),
    "average 3, same": (x) => tf.avgPool3d(x as Volume, 3, 2, "same"),
  };
  it.each(Object.entries(cases3d))("3d: %s", async (_, f) => {
    await expectSame(withGradient(f), [volumes], 1e-5);
  });

  it("maxPoolWithArgmax", async () => {
    for (const batch of [false, true]) {
      await expectSame((x: tf.Tensor) => {
        const { result, indexes } = tf.maxPoolWithArgmax(x as Image, [2, 3], [2, 2], "same", batch);
        return [result, indexes];
      }, [images]); // biome-ignore format: one call
    }
  });

  it("passes over what is no number, and takes the first of equals", async () => {
    const data = Float32Array.of(Number.NaN, 1, 1, -1, 2, Number.NaN, 2, Number.NEGATIVE_INFINITY);
    await expectSame(
      withGradient((x) => tf.maxPool(x as Image, [1, 2], [1, 2], "valid")),
      [{ shape: [1, 1, 8, 1], data }],
    );
  });

  it("the gradient of a padded average equals finite differences", () => {
    const x = noise([1, 4, 3, 1], 0.7);
    const f = withGradient((x) => tf.avgPool(x as Image, 3, 2, "same"));
    const at = (data: Float32Array) => f(tf.tensor(data, [...x.shape])).value.dataSync()[0]!;
    const gradient = f(tf.tensor(x.data, [...x.shape])).grads.dataSync();
    finiteDifferences(at, x.data).forEach((difference, i) => {
      expect(Math.abs(difference - gradient[i]!)).toBeLessThan(1e-3);
    });
  });
});
