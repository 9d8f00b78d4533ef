import { expect, it } from "vitest";
import { Builder } from "../ir/builder.js";
import { Graph, Value } from "../ir/graph.js";
import { fewerShapes } from "./fewer-shapes.js";

const x = new Value([24, 8], "float32");
const row = new Value([8], "float32");
const pictures = [1, 2, 3, 4, 8];

const lines = (build: (b: Builder) => readonly Value[], inputs: readonly Value[] = [x, row]) => {
  const b = new Builder();
  return String(fewerShapes(new Graph("t", inputs, b.nodes, build(b))))
    .split("\n")
    .slice(1)
    .map((line) => line.trim());
};

it("computes by element in the shape of the products around", () => {
  const weights = new Value([8, 8], "float32");
  const product = (b: Builder, y: Value) => b.op("Gemm", [b.reshape(y, [24, 8]), weights], { transA: 0, transB: 0 });
  const text = lines(
    (b) => {
      const y = b.op("Add", [b.reshape(product(b, x), pictures), row]);
      const z = b.op("Mul", [b.op("Sigmoid", [y]), b.reshape(b.op("Exp", [row]), [1, 1, 1, 1, 8])]);
      return [product(b, z)];
    },
    [x, row, weights],
  );
  expect(text.map((line) => /: float32\[(.*?)\] = (\w+)/.exec(line)?.slice(1))).toEqual([
    ["24,8", "Gemm"],
    ["24,8", "Add"],
    ["24,8", "Sigmoid"],
    ["8", "Exp"],
    ["24,8", "Mul"],
    ["24,8", "Gemm"],
    undefined,
  ]);
});

it("keeps what broadcasting tells apart, and the shapes of results", () => {
  const frames = new Value([1, 2, 1, 1, 8], "float32");
  const text = lines((b) => [b.op("Add", [b.reshape(x, pictures), frames])], [x, frames]);
  expect(text).toEqual([
    "%2: float32[2,12,8] = Reshape(%0) shape=[2,12,8]",
    "%3: float32[2,1,8] = Reshape(%1) shape=[2,1,8]",
    "%4: float32[2,12,8] = Add(%2, %3)",
    "%5: float32[1,2,3,4,8] = Reshape(%4) shape=[1,2,3,4,8]",
    "return %5",
  ]);
  const outer = lines((b) => [b.op("Mul", [b.reshape(row, [8, 1]), b.reshape(row, [1, 8])])]);
  expect(outer.at(-2)).toMatch(/float32\[8,8\] = Mul/);
});

it("cuts, joins, takes and sums along an axis wherever that lies", () => {
  const text = lines((b) => {
    const parts = b.ops("Split", [b.reshape(x, pictures)], { axis: 4, split: [2, 6] });
    const joined = b.op("Concat", parts, { axis: 4 });
    const taken = b.op("Gather", [b.reshape(joined, [1, 24, 8]), new Value([2], "int32", Int32Array.of(3, 1))], {
      axis: 1,
    });
    return [b.reduce("ReduceSum", b.reshape(taken, [1, 2, 8]), [1], true)];
  });
  expect(text).toEqual([
    "%2: float32[24,2], %3: float32[24,6] = Split(%0) axis=1 split=[2,6]",
    "%4: float32[24,8] = Concat(%2, %3) axis=1",
    "%5: float32[2,8] = Gather(%4, int32[2]{3,1}) axis=0",
    "%6: float32[8] = ReduceSum(%5) axes=[0] keepdims=0",
    "%7: float32[1,1,8] = Reshape(%6) shape=[1,1,8]",
    "return %7",
  ]);
});

it("sums over the last axis and spreads the sums where the others are, as the gradient of a softmax does", () => {
  const text = lines((b) => {
    const y = b.reshape(b.op("Sigmoid", [x]), [2, 3, 4, 8]);
    const sums = b.reduce("ReduceSum", b.op("Mul", [y, y]), [3], true);
    return [b.reshape(b.op("Sub", [y, sums]), [24, 8])];
  });
  expect(text.map((line) => /: float32\[(.*?)\] = (\w+)/.exec(line)?.slice(1))).toEqual([
    ["24,8", "Sigmoid"],
    ["24,8", "Mul"],
    ["24,1", "ReduceSum"],
    ["24,8", "Sub"],
    undefined,
  ]);
});

it("squares a gradient in the shape of the argument that it is added to", () => {
  const moment = new Value([4, 6, 8], "float32");
  const text = lines(
    (b) => {
      const gradient = b.reshape(b.op("Exp", [x]), [4, 6, 8]);
      const first = b.op("Add", [moment, gradient]);
      return [first, b.op("Add", [moment, b.op("Mul", [gradient, gradient])])];
    },
    [x, moment],
  );
  expect(text.filter((line) => line.includes("Reshape"))).toHaveLength(1);
});
