import { describe, it } from "vitest";
import { expectSame, noise } from "../../../test/compare.js";
import { expectGradients, withGradients } from "../../../test/gradients.js";
import { tf } from "../../index.js";

type Image = tf.Tensor4D;
type F = (x: Image) => tf.Tensor;
const image = noise([2, 5, 6, 3], 1.3);
const square = noise([2, 5, 5, 3], 1.3);
const coloured = noise([1, 6, 7, 4], 0.9);

describe("images against tfjs's eager cpu backend", () => {
  const { image: images } = tf;
  const cases: Record<string, F> = {
    "bilinear": (x) => images.resizeBilinear(x, [8, 3]),
    "bilinear, aligned corners": (x) => images.resizeBilinear(x, [8, 9], true),
    "bilinear, half pixel centres": (x) => images.resizeBilinear(x, [7, 4], false, true),
    "nearest": (x) => images.resizeNearestNeighbor(x, [8, 3]),
    "nearest, half pixel centres": (x) => images.resizeNearestNeighbor(x, [3, 9], false, true),
    "crop and resize": (x) => images.cropAndResize(x, tf.tensor2d([[0, 0, 1, 1], [0.1, 0.3, 0.6, 0.9], [-0.2, 0.5, 0.7, 1.3]]), tf.tensor1d([0, 1, 1], "int32"), [4, 5], "bilinear", 0.5),
    "crop to the nearest": (x) => images.cropAndResize(x, tf.tensor2d([[0, 0, 1, 1], [0.1, 0.3, 0.65, 0.9]]), tf.tensor1d([1, 0], "int32"), [3, 1], "nearest"),
    "rotate": (x) => images.rotateWithOffset(x, 0.7, 0.3, [0.4, 0.6]),
    "rotate about its middle onto a colour": (x) => images.rotateWithOffset(x, -2, [0.1, 0.2, 0.3], 0.5),
    "flip": (x) => images.flipLeftRight(x),
    "depth to space": (x) => tf.depthToSpace(tf.concat([x, x, x, x], 3), 2),
    "space to batch": (x) => tf.spaceToBatchND(x, [2, 3], [[1, 0], [0, 0]]),
    "batch to space": (x) => tf.batchToSpaceND(tf.concat([x, x, x], 0), [3, 2], [[1, 1], [0, 1]]),
    "local response normalisation": (x) => tf.localResponseNormalization(x, 1, 1.2, 0.7, 0.6),
    "batch normalisation": (x) => tf.batchNorm4d(x, [0.1, 0.2, 0.3], [1, 2, 3], [0.3, 0.2, 0.1], [2, 1, 3], 0.01),
    "dilation": (x) => tf.dilation2d(x, tf.range(0, 18).cos().reshape([2, 3, 3]) as tf.Tensor3D, 1, "same", [2, 1]),
  }; // biome-ignore format: a table
  it.each(Object.entries(cases))("%s", async (_, f) => {
    await expectSame(f as (x: tf.Tensor) => tf.Tensor, [image], 2e-6);
  });
  it("rotation fills the fourth channel with opacity", async () => {
    await expectSame((x: Image) => tf.image.rotateWithOffset(x, 0.6, [1, 2, 3], 0.5), [coloured], 1e-6);
  });
  it.each(["constant", "reflect", "wrap", "nearest"] as const)("projective transform, %s", async (mode) => {
    for (const interpolation of ["nearest", "bilinear"] as const) {
      await expectSame(
        (x: Image, t: tf.Tensor2D) => tf.image.transform(x, t, interpolation, mode, 0.25, [7, 5]),
        [coloured, { shape: [1, 8], data: Float32Array.of(0.9, 0.31, -1.7, -0.43, 1.37, 3.3, 0.013, -0.021) }],
        2e-4,
      );
    }
  });
});

describe("gradients of images", () => {
  const ofTfjs: Record<string, F> = {
    "bilinear": (x) => tf.image.resizeBilinear(x, [8, 3]),
    "local response normalisation": (x) => tf.localResponseNormalization(x, 1, 1.2, 0.7, 0.6),
    "batch normalisation": (x) => tf.batchNorm4d(x, [0.1, 0.2, 0.3], [1, 2, 3], [0.3, 0.2, 0.1], [2, 1, 3], 0.01),
    "space to batch": (x) => tf.spaceToBatchND(x, [2, 3], [[1, 0], [1, 0]]),
    "dilation": (x) => tf.dilation2d(x, tf.range(0, 18).cos().reshape([2, 3, 3]) as tf.Tensor3D, 1, "same"),
  }; // biome-ignore format: a table
  it.each(Object.entries(ofTfjs))("%s as tfjs's", async (_, f) => {
    await expectSame(withGradients(f as (x: tf.Tensor) => tf.Tensor), [square], 1e-5);
  });

  it("of dilation's filter as tfjs's", async () => {
    const f = (x: tf.Tensor, filter: tf.Tensor) => tf.dilation2d(x as Image, filter as tf.Tensor3D, 2, "valid");
    await expectSame(withGradients(f as (...xs: tf.Tensor[]) => tf.Tensor), [image, noise([3, 2, 3], 0.6)], 1e-5);
  });

  const own: Record<string, F> = {
    "bilinear, aligned": (x) => tf.image.resizeBilinear(x, [8, 3], true),
    "bilinear, half pixel centres": (x) => tf.image.resizeBilinear(x, [7, 4], false, true),
    "nearest, half pixel centres": (x) => tf.image.resizeNearestNeighbor(x, [3, 9], false, true),
    "depth to space": (x) => tf.depthToSpace(tf.concat([x, x, x, x], 3), 2),
    flip: (x) => tf.image.flipLeftRight(x),
    "average pooling with padding": (x) => tf.avgPool(x, 3, 2, "same"),
  };
  it.each(Object.entries(own))("%s equals finite differences", async (_, f) => {
    await expectGradients(f as (x: tf.Tensor) => tf.Tensor, [noise([1, 4, 3, 1], 1.3)]);
  });

  it("the kernels of tfjs's own gradients are there for who calls them", async () => {
    const run = (kernel: string, dy: tf.Tensor, images: tf.Tensor) =>
      tf.engine().runKernel(kernel, { dy, images }, { alignCorners: false }) as tf.Tensor;
    await expectSame(
      (dy: tf.Tensor, x: tf.Tensor) => [run("ResizeBilinearGrad", dy, x), run("ResizeNearestNeighborGrad", dy, x)],
      [noise([1, 8, 3, 3]), noise([1, 5, 5, 3])],
    );
  });
});
