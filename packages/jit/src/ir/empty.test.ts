import { describe, it } from "vitest";
import { expectSame, noise } from "../../test/compare.js";
import { tf } from "../index.js";

const none = { shape: [2, 0, 3], data: new Float32Array(0) };
const some = noise([2, 4, 3]);

describe("tensors without elements, as on tfjs's cpu backend", () => {
  const cases: Record<string, (empty: tf.Tensor, x: tf.Tensor) => tf.Tensor[]> = {
    "stay empty through operators by element and moves": (e) => [tf.exp(e), tf.add(e, 1), tf.transpose(e), tf.reverse(e, 1)],
    "come from slices, and go into joins": (e, x) => [tf.slice(x, [0, 1, 0], [2, 0, 3]), tf.concat([e, x, e], 1), tf.concat([e, e], 2)],
    "reduce to the neutral element": (e) => [tf.sum(e), tf.sum(e, 1), tf.prod(e, 1), tf.mean(e, 1), tf.all(tf.cast(e, "bool"), 1), tf.argMax(e, 1)],
    "have products of zeros": (e, x) => [tf.matMul(e, e, true, false), tf.matMul(tf.transpose(e, [0, 2, 1]), tf.slice(x, [0, 0, 0], [2, 0, 3]))],
    "are padded": (e) => [tf.pad(e, [[0, 0], [1, 1], [0, 0]])],
    "are gathered and reshaped": (e, x) => [tf.gather(x, tf.tensor1d([], "int32"), 1), tf.reshape(e, [0, 5])],
  }; // biome-ignore format: a table
  it.each(Object.entries(cases))("%s", async (_, f) => {
    await expectSame(f, [none, some]);
  });
});

it("tensors of rank 9 are moved, combined and reduced", async () => {
  const shape = [1, 2, 1, 2, 1, 2, 1, 2, 3];
  const f = (x: tf.Tensor) => {
    const turned = x.transpose([8, 1, 0, 3, 2, 5, 4, 7, 6] as never);
    return [turned, turned.add(x.sum(7, true)), x.tanh().sum([1, 3, 8]), x.max(5)];
  };
  await expectSame(f, [noise(shape)]);
});
