import { expect, it } from "vitest";
import { jit, tf } from "../index.js";
import { Builder } from "../ir/builder.js";
import { Graph, Value } from "../ir/graph.js";
import { takenRows } from "./taken-rows.js";

const operators = (x: Value, build: (b: Builder) => readonly Value[]) => {
  const b = new Builder();
  return takenRows(new Graph("t", [x], b.nodes, build(b))).nodes.map(({ op }) => op);
};

it("takes large rows by index, and the parts of what is cut after it from where they were", () => {
  const x = new Value([16, 8, 6, 32], "float32");
  expect(operators(x, (b) => [b.transpose(x, [1, 0, 2, 3])])).toEqual(["Reshape", "Gather", "Reshape"]);
  const cut = (axis: number, split: number[]) =>
    operators(x, (b) => b.ops("Split", [b.transpose(x, [1, 2, 0, 3])], { axis, split })).toSorted();
  const [gather, reshape] = [Array<string>(3).fill("Gather"), Array<string>(4).fill("Reshape")];
  expect(cut(1, [1, 3, 2])).toEqual([...gather, ...reshape]);
  // Rows that are cut themselves are not taken from elsewhere.
  expect(cut(3, [8, 16, 8])).toContain("Split");
});

it("leaves what is small, single numbers, and an exchange within the rows", () => {
  const only = (shape: number[], perm: number[]) => {
    const x = new Value(shape, "float32");
    return operators(x, (b) => [b.transpose(x, perm)]);
  };
  expect(only([8, 4, 32], [1, 0, 2])).toEqual(["Transpose"]);
  expect(only([256, 64, 8], [1, 0, 2])).toEqual(["Transpose"]);
  expect(only([16, 32, 64], [0, 2, 1])).toEqual(["Transpose"]);
});

it("gives what TensorFlow.js gives", async () => {
  const x = tf.randomNormal([16, 8, 6, 32], 0, 1, "float32", 1);
  const parts = (x: tf.Tensor) => [
    ...tf.split(x.transpose([1, 2, 0, 3]), [1, 3, 2], 1),
    ...tf.split(x.transpose([2, 0, 1, 3]), 2, 2),
    x.transpose([2, 1, 0, 3]),
  ];
  const program = jit((x: tf.Tensor) => parts(x), { name: "parts" });
  const results = await program({ shape: x.shape, data: (await x.data()) as Float32Array });
  const expected = parts(x);
  for (const [i, result] of results.entries()) {
    expect(result.shape).toEqual(expected[i]!.shape);
    expect((await result.read()).data).toEqual(await expected[i]!.data());
  }
  await program.dispose();
});
