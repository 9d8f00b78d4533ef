import { expect, it } from "vitest";
import { Builder } from "../ir/builder.js";
import { Graph, Value } from "../ir/graph.js";
import { shortSums } from "./short-sums.js";

const operators = (shape: readonly number[], axes: readonly number[], keep = false) => {
  const x = new Value(shape, "float32");
  const b = new Builder();
  const sums = b.reduce("ReduceSum", x, axes, keep);
  const { nodes, outputs } = shortSums(new Graph("t", [x], b.nodes, [sums]));
  expect(outputs[0]!.shape).toEqual(sums.shape);
  return nodes.map(({ op }) => op);
};

it("adds few rows by a product", () => {
  expect(operators([72, 512], [0])).toEqual(["Gemm", "Reshape"]);
  expect(operators([1, 72, 512], [1], true)).toEqual(["Reshape", "Gemm", "Reshape"]);
});

it("leaves many rows, little, middle axes and sums of everything", () => {
  for (const [shape, axes] of [
    [[1152, 256], [0]],
    [[16, 16], [0]],
    [[8, 72, 128], [1]],
    [
      [128, 16],
      [0, 1],
    ],
  ] as const) {
    expect(operators(shape, axes)).toEqual(["ReduceSum"]);
  }
});
