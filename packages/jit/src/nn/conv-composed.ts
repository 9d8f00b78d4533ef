import * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../ir/graph.js";
import { filterGradientName, forwardName, inputGradientName } from "./conv.js";
import { type Geometry, inputOfOutput, outputOfInput } from "./geometry.js";

/** Patches of x [N, ...spatial, C]: [groups, N * positions, taps * C / groups]; index -1 reads zero. */
function patches(x: tf.Tensor, indices: Int32Array, taps: number, groups: number): tf.Tensor3D {
  const [batch, channels] = [x.shape[0]!, x.shape.at(-1)!];
  const cells = x.size / (batch * channels);
  const withZero = tf.concat([x.reshape([batch, cells, channels]), tf.zeros([batch, 1, channels])], 1);
  const places = tf.tensor1d(
    indices.map((index) => (index < 0 ? cells : index)),
    "int32",
  );
  return tf
    .gather(withZero, places, 1)
    .reshape([(batch * indices.length) / taps, taps, groups, channels / groups])
    .transpose([2, 0, 1, 3])
    .reshape([groups, (batch * indices.length) / taps, (taps * channels) / groups]);
}

/** The filter [O, C / groups, ...kernel] as [groups, O / groups, C / groups, taps]. */
const byGroup = (filter: tf.Tensor, { groups, kernel }: Geometry) =>
  filter.reshape([groups, filter.shape[0]! / groups, filter.shape[1]!, sizeOf(kernel)]);

/** [groups, M, K] times [groups, K, L] as [M, groups * L]. */
const product = (a: tf.Tensor3D, b: tf.Tensor3D) =>
  tf
    .matMul(a, b)
    .transpose([1, 0, 2])
    .reshape([a.shape[1], a.shape[0] * b.shape[2]]);

type Kernel = (first: tf.Tensor, second: tf.Tensor, geometry: Geometry) => tf.Tensor;

const forward: Kernel = (x, filter, geometry) => {
  const { groups, kernel, output } = geometry;
  const [out, perGroup] = filter.shape as [number, number];
  const taps = sizeOf(kernel);
  const weights = byGroup(filter, geometry).transpose([0, 3, 2, 1]);
  return product(
    patches(x, inputOfOutput(geometry), taps, groups),
    weights.reshape([groups, taps * perGroup, out / groups]),
  ).reshape([x.shape[0]!, ...output, out]);
};

const inputGradient: Kernel = (dy, filter, geometry) => {
  const { groups, kernel, input } = geometry;
  const [out, perGroup] = filter.shape as [number, number];
  const taps = sizeOf(kernel);
  const weights = byGroup(filter, geometry).transpose([0, 3, 1, 2]);
  return product(
    patches(dy, outputOfInput(geometry), taps, groups),
    weights.reshape([groups, (taps * out) / groups, perGroup]),
  ).reshape([dy.shape[0]!, ...input, groups * perGroup]);
};

const filterGradient: Kernel = (x, dy, geometry) => {
  const { groups, kernel } = geometry;
  const [perGroup, out] = [x.shape.at(-1)! / groups, dy.shape.at(-1)!];
  const taps = sizeOf(kernel);
  const cells = patches(x, inputOfOutput(geometry), taps, groups);
  const errors = dy.reshape([dy.size / out, groups, out / groups]).transpose([1, 0, 2]) as tf.Tensor3D;
  return tf
    .matMul(cells, errors, true)
    .reshape([groups, taps, perGroup, out / groups])
    .transpose([0, 3, 2, 1])
    .reshape([out, perGroup, ...kernel]);
};

const kernels: readonly (readonly [name: string, inputs: readonly [string, string], kernel: Kernel])[] = [
  [forwardName, ["x", "filter"], forward],
  [inputGradientName, ["dy", "filter"], inputGradient],
  [filterGradientName, ["x", "dy"], filterGradient],
];

/** Gives a tfjs backend the convolution kernels, made of operations that every backend has. Backends that have them keep theirs. */
export function composeConvolutions(backendName: string): void {
  for (const [kernelName, [first, second], kernel] of kernels) {
    if (tf.getKernel(kernelName, backendName)) continue;
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) =>
        tf.tidy(() => kernel(inputs[first] as tf.Tensor, inputs[second] as tf.Tensor, attrs as unknown as Geometry)),
    });
  }
}
