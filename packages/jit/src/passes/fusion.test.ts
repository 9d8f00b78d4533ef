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
