import { expect, it } from "vitest";
import { Builder } from "../ir/builder.js";
import { Graph, Value } from "../ir/graph.js";
import { takenShapes } from "./taken-shapes.js";

const x = new Value([8, 4], "float32");
const order = new Value([6], "int32", Int32Array.of(5, 0, 1, 7, 2, 2));
const lines = (build: (b: Builder, taken: Value) => readonly Value[]) => {
  const b = new Builder();
  const taken = b.op("Gather", [x, order], { axis: 0 });
  return String(takenShapes(new Graph("t", [x], b.nodes, build(b, taken))))
    .split("\n")
    .slice(1)
    .map((line) => line.trim());
};

it("takes rows in the shape in which they are read, scaled or not", () => {
  expect(lines((b, taken) => [b.reshape(b.op("Mul", [b.scalar(0.5), taken]), [2, 3, 4])])).toEqual([
    "%1: float32[2,3,4] = Gather(%0, int32[2,3]{5,0,1,7,2,2}) axis=0",
    "%2: float32[2,3,4] = Mul(0.5, %1)",
    "return %2",
  ]);
});

it("leaves rows that are cut, and what is read in another shape as well", () => {
  expect(lines((b, taken) => [b.reshape(taken, [2, 12])])[0]).toMatch(/float32\[6,4\] = Gather/);
  expect(lines((b, taken) => [b.reshape(taken, [2, 3, 4]), taken])[0]).toMatch(/float32\[6,4\] = Gather/);
  const row = new Value([4], "float32", Float32Array.of(1, 2, 3, 4));
  expect(lines((b, taken) => [b.reshape(b.op("Mul", [taken, row]), [2, 3, 4])])[0]).toMatch(/float32\[6,4\] = Gather/);
});
