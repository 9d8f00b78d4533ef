import { expect, it } from "vitest";
import { Builder } from "../ir/builder.js";
import { Graph, Value } from "../ir/graph.js";
import { simplify } from "./algebra.js";
import { deadCode } from "./dead-code.js";

const x = new Value([1, 4, 3], "float32");
const text = (build: (b: Builder) => Value[]) => {
  const b = new Builder();
  return String(deadCode(simplify(new Graph("t", [x], b.nodes, build(b)))))
    .split("\n")
    .slice(1)
    .map((line) => line.trim());
};

it("takes from what was taken at once", () => {
  const take = (b: Builder, from: Value, ...places: number[]) =>
    b.op("Gather", [from, new Value([places.length], "int32", Int32Array.from(places))], { axis: 1 });
  expect(text((b) => [take(b, take(b, x, 1, 0, 1, 2, 3, 2), 5, 0, 0, 3)])).toEqual([
    "%1: float32[1,4,3] = Gather(%0, int32[4]{2,1,1,2}) axis=1",
    "return %1",
  ]);
});

it("takes from what was taken and padded at once, unless the padded rows are read elsewhere", () => {
  const places = (...at: number[]) => new Value([at.length], "int32", Int32Array.from(at));
  const taken = (b: Builder) => b.op("Gather", [x, places(3, 0, 2)], { axis: 1 });
  const padded = (b: Builder, rows: Value) => {
    const all = b.op("Concat", [b.reshape(rows, [3, 3]), b.full(0, [1, 3], "float32")], { axis: 0 });
    return b.op("Gather", [all, places(3, 0, 1, 2, 3)], { axis: 0 });
  };
  const lines = text((b) => [padded(b, taken(b))]);
  expect(lines.filter((line) => line.includes("Gather"))).toEqual([
    expect.stringMatching(/float32\[5,3\] = Gather\(%\d, int32\[5\]\{4,3,0,2,4\}\) axis=0/),
  ]);
  const both = text((b) => {
    const rows = taken(b);
    return [padded(b, rows), rows];
  });
  expect(both.filter((line) => line.includes("Gather"))).toHaveLength(2);
});

it("adds a number to a small product within the product", () => {
  const lines = text((b) => {
    const matrix = b.constant(Float32Array.of(1, 0, 1), [3, 1], "float32");
    const means = b.op("Gemm", [b.reshape(x, [4, 3]), matrix], { transA: 0, transB: 0 });
    return [b.op("Sqrt", [b.op("Add", [means, b.scalar(1e-5)])])];
  });
  expect(lines.map((line) => /= (\w+)/.exec(line)?.[1])).toEqual(["Reshape", "Gemm", "Sqrt", undefined]);
});

it("brings an activation next to the product that it follows, if nothing else needs that", () => {
  const product = (b: Builder) => {
    const matrix = b.constant(new Float32Array(6), [3, 2], "float32");
    const rows = b.op("Gemm", [b.reshape(x, [4, 3]), matrix], { transA: 0, transB: 0 });
    return b.reshape(rows, [1, 4, 2]);
  };
  const order = (lines: string[]) => lines.map((line) => /= (\w+)/.exec(line)?.[1]).filter(Boolean);
  expect(order(text((b) => [b.op("LeakyRelu", [product(b)], { alpha: 0.2 })]))).toEqual([
    "Reshape",
    "Gemm",
    "LeakyRelu",
    "Reshape",
  ]);
  const both = (b: Builder) => {
    const y = product(b);
    return [y, b.op("LeakyRelu", [y], { alpha: 0.2 })];
  };
  expect(order(text(both))).toEqual(["Reshape", "Gemm", "Reshape", "LeakyRelu"]);
});

it("cuts from what was taken in one taking, by smaller rows", () => {
  const lines = text((b) => {
    const taken = b.op("Gather", [b.reshape(x, [1, 2, 6]), new Value([3], "int32", Int32Array.of(1, 0, 1))], {
      axis: 1,
    });
    return [b.op("Slice", [b.reshape(taken, [1, 6, 3])], { starts: [1], ends: [5], axes: [1], steps: [1] })];
  });
  expect(lines.at(-2)).toMatch(/Gather\(.*int32\[4\]\{3,0,1,2\}\) axis=1$/);
});

it("brings bias and activation through a reordering of rows to the product, the bias repeated along its longer rows", () => {
  const bias = new Value([3], "float32", Float32Array.of(1, 2, 3));
  const ops = text((b) => {
    const matrix = b.constant(new Float32Array(4), [2, 2], "float32");
    const product = b.op("Gemm", [matrix, b.reshape(x, [2, 6])], { transA: 0, transB: 0 });
    const order = new Value([4], "int32", Int32Array.of(2, 0, 3, 1));
    const rows = b.op("Gather", [b.reshape(product, [1, 4, 3]), order], { axis: 1 });
    return [b.op("LeakyRelu", [b.op("Add", [rows, bias])], { alpha: 0.2 })];
  }).map((line) => /= (\w+)/.exec(line)?.[1]);
  expect(ops).toEqual(["Reshape", "Expand", "Reshape", "Gemm", "LeakyRelu", "Reshape", "Gather", undefined]);
});

it("adds up the biases of products that are added up", () => {
  const linear = (b: Builder, ...bias: number[]) => {
    const matrix = b.constant(new Float32Array(6), [3, 2], "float32");
    const row = new Value([2], "float32", Float32Array.from(bias));
    const rows = b.op("Gemm", [b.reshape(x, [4, 3]), matrix, row], { transA: 0, transB: 0 });
    return b.reshape(rows, [1, 4, 2]);
  };
  const lines = text((b) => [b.op("Add", [linear(b, 1, 2), linear(b, 10, 20)])]);
  expect(lines.map((line) => /= (\w+)/.exec(line)?.[1])).toEqual([
    "Reshape",
    "Reshape",
    "Gemm",
    "Reshape",
    "Add",
    "Gemm",
    "Reshape",
    "Add",
    undefined,
  ]);
  expect(lines.filter((line) => line.includes("float32[2]{"))).toHaveLength(1);
});
