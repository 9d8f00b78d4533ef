import { expect, it } from "vitest";
import { expectSame, noise } from "../../test/compare.js";
import { tf } from "../index.js";
import { Builder } from "../ir/builder.js";
import { Graph, Value } from "../ir/graph.js";
import { simplify } from "./algebra.js";

const lines = (shape: readonly number[], axes: readonly number[], op: "ReduceMean" | "ReduceMax" = "ReduceMean") => {
  const x = new Value(shape, "float32");
  const b = new Builder();
  const text = String(simplify(new Graph("t", [x], b.nodes, [b.reduce(op, x, axes, false)])));
  return text.split("\n").map((line) => line.trim());
};

it("the mean of small windows goes by parts", () => {
  expect(lines([1, 18, 2, 16, 2, 128], [2, 4]).slice(1)).toEqual([
    "%1: float32[18,2,4096] = Reshape(%0) shape=[18,2,4096]",
    "%2: float32[18,1,4096], %3: float32[18,1,4096] = Split(%1) axis=1 split=[1,1]",
    "%4: float32[18,1,4096] = Add(%2, %3)",
    "%5: float32[288,2,128] = Reshape(%4) shape=[288,2,128]",
    "%6: float32[288,1,128], %7: float32[288,1,128] = Split(%5) axis=1 split=[1,1]",
    "%8: float32[288,1,128] = Add(%6, %7)",
    "%9: float32[288,1,128] = Mul(%8, 0.25)",
    "%10: float32[1,18,16,128] = Reshape(%9) shape=[1,18,16,128]",
    "return %10",
  ]);
});

it("large windows, little pictures, single numbers, neighbours and maxima stay as they are", () => {
  for (const [shape, axes, op] of [
    [
      [18, 8, 16, 8, 128],
      [1, 3],
    ],
    [
      [18, 2, 4, 2, 128],
      [1, 3],
    ],
    [
      [1024, 2, 512, 2],
      [1, 3],
    ],
    [
      [18, 64, 2, 2, 128],
      [2, 3],
    ],
    [[18, 2, 64, 2, 2, 128], [1, 3, 4], "ReduceMax"],
  ] as const) {
    expect(lines(shape, axes, op).filter((line) => line.includes("Split"))).toEqual([]);
  }
});

it.each([
  [[2, 18, 2, 16, 3, 64], [2, 4], "mean"],
  [[40, 3, 8, 2, 64], [-4, -2], "sum"],
] as const)("of %j over %j: the %s is tfjs's, and so is its gradient", async (shape, axes, op) => {
  const pooled = (x: tf.Tensor) => tf[op](x, [...axes]);
  const gradient = tf.grad((x: tf.Tensor) => pooled(x).square().sum());
  await expectSame((x: tf.Tensor) => [pooled(x), gradient(x)], [noise([...shape])], 1e-6);
});
