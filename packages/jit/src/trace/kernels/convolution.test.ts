import { describe, it } from "vitest";
import { expectSame, noise } from "../../../test/compare.js";
import { expectGradients, withGradients } from "../../../test/gradients.js";
import { tf } from "../../index.js";

type F = (x: tf.Tensor, filter: tf.Tensor) => tf.Tensor;
const image = noise([2, 6, 5, 3], 1.3);
const first = noise([2, 3, 6, 5], 1.3);
const filter = noise([3, 2, 3, 4], 0.7);
const depthwise = noise([3, 2, 3, 2], 0.7);
const volume = noise([1, 4, 5, 3, 2], 0.9);
const cube = noise([2, 3, 2, 2, 3], 0.4);

const as = <T extends tf.Tensor>(x: tf.Tensor) => x as T;
const x4 = (x: tf.Tensor) => as<tf.Tensor4D>(x);
const x5 = (x: tf.Tensor) => as<tf.Tensor5D>(x);

describe("tfjs's convolutions against its eager cpu backend, with gradients", () => {
  const cases: Record<string, [F, ReturnType<typeof noise>, ReturnType<typeof noise>]> = {
    "conv2d": [(x, f) => tf.conv2d(x4(x), x4(f), 1, "valid"), image, filter],
    "conv2d, stride 2x1, same": [(x, f) => tf.conv2d(x4(x), x4(f), [2, 1], "same"), image, filter],
    "conv2d, pad 1": [(x, f) => tf.conv2d(x4(x), x4(f), 2, 1, "NHWC", 1, "floor"), image, filter],
    "conv2d, channels first": [(x, f) => tf.conv2d(x4(x), x4(f), [1, 2], "same", "NCHW"), first, filter],
    "conv1d": [(x, f) => tf.conv1d(as<tf.Tensor3D>(x), as<tf.Tensor3D>(f), 2, "same"), noise([2, 7, 3]), noise([3, 3, 2], 0.6)],
    "conv3d": [(x, f) => tf.conv3d(x5(x), x5(f), [1, 2, 1], "same"), volume, cube],
    "depthwise": [(x, f) => tf.depthwiseConv2d(x4(x), x4(f), 2, "same"), image, depthwise],
    "separable": [(x, f) => tf.separableConv2d(x4(x), x4(f), tf.range(0, 12).sin().reshape([1, 1, 6, 2]), 1, "same"), image, depthwise],
    "conv2dTranspose": [(x, f) => tf.conv2dTranspose(x4(x), x4(f), [2, 11, 10, 2], 2, "same"), image, noise([3, 2, 2, 3], 0.7)],
  }; // biome-ignore format: a table
  it.each(Object.entries(cases))("%s", async (_, [f, x, filter]) => {
    await expectSame(withGradients(f as (...xs: tf.Tensor[]) => tf.Tensor), [x, filter], 1e-5);
  });

  it("fused kernels", async () => {
    const activations = ["linear", "relu", "relu6", "elu", "sigmoid", "leakyrelu"] as const;
    const bias = noise([4], 0.3);
    await expectSame(
      (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor) =>
        activations.flatMap((activation) => [
          tf.fused.conv2d({ x: x4(x), filter: x4(filter), strides: 1, pad: "same", bias, activation, leakyreluAlpha: 0.1 }),
          tf.fused.matMul({ a: x.reshape([-1, 3]), b: filter.slice([0, 0], [1, 1]).reshape([3, 4]), bias, activation, leakyreluAlpha: 0.1 }),
        ]), // biome-ignore format: a list
      [image, filter, bias],
    );
    await expectSame(
      (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor, slopes: tf.Tensor) => [
        tf.fused.depthwiseConv2d({ x: x4(x), filter: x4(filter), strides: 1, pad: "same", bias, activation: "prelu", preluActivationWeights: slopes }),
      ], // biome-ignore format: a list
      [image, depthwise, noise([6], 0.3), noise([6], 0.8)],
    );
  });
});

describe("gradients that tfjs lacks equal finite differences", () => {
  const cases: Record<string, [F, ReturnType<typeof noise>, ReturnType<typeof noise>]> = {
    "conv2d, dilated": [(x, f) => tf.conv2d(x4(x), x4(f), 1, "same", "NHWC", 2), noise([1, 5, 4, 2]), noise([3, 2, 2, 2], 0.7)],
    "conv2d, dilated, channels first": [(x, f) => tf.conv2d(x4(x), x4(f), 1, "valid", "NCHW", [2, 1]), noise([1, 2, 6, 4]), noise([3, 2, 2, 2], 0.7)],
    "conv1d, dilated": [(x, f) => tf.conv1d(as<tf.Tensor3D>(x), as<tf.Tensor3D>(f), 1, "same", "NWC", 2), noise([2, 7, 2]), noise([3, 2, 2], 0.6)],
    "conv3d, dilated": [(x, f) => tf.conv3d(x5(x), x5(f), 1, "same", "NDHWC", [1, 2, 1]), noise([1, 2, 4, 3, 2]), noise([2, 2, 1, 2, 2], 0.6)],
    "depthwise, dilated": [(x, f) => tf.depthwiseConv2d(x4(x), x4(f), 1, "same", "NHWC", 2), noise([1, 5, 4, 2]), noise([3, 2, 2, 2], 0.7)],
    "conv3dTranspose": [(x, f) => tf.conv3dTranspose(x5(x), x5(f), [1, 4, 3, 4, 2], 2, "same"), noise([1, 2, 2, 2, 3]), noise([2, 1, 2, 2, 3], 0.6)],
  }; // biome-ignore format: a table
  it.each(Object.entries(cases))("%s", async (_, [f, x, filter]) => {
    await expectGradients(f as (...xs: tf.Tensor[]) => tf.Tensor, [x, filter]);
  });

  it("second derivatives", async () => {
    const slope = (f: (x: tf.Tensor) => tf.Tensor) => (x: tf.Tensor) => tf.grad((z) => f(z).square())(x);
    for (const [f, x, filter] of [
      [(x, f) => tf.conv2d(x4(x), x4(f), 1, "same"), noise([1, 4, 3, 2]), noise([2, 2, 2, 2], 0.7)],
      [(x, f) => tf.depthwiseConv2d(x4(x), x4(f), 1, "same"), noise([1, 4, 3, 2]), noise([2, 2, 2, 1], 0.7)],
      [(x, f) => tf.conv3d(x5(x), x5(f), 1, "same"), noise([1, 2, 3, 2, 1]), noise([2, 2, 1, 1, 2], 0.7)],
      [(x, f) => tf.avgPool(x4(x.mul(f.mean())), 2, 2, "same"), noise([1, 3, 3, 2]), noise([2], 0.7)],
    ] as [F, ReturnType<typeof noise>, ReturnType<typeof noise>][]) {
      await expectGradients((x, w) => slope((z) => f(z, w))(x!), [x, filter]);
    } // biome-ignore format: a table
  });
});
