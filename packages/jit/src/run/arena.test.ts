import { expect, it } from "vitest";
import { Graph, type Node, Value } from "../ir/graph.js";
import { arenaBytes } from "./arena.js";

const megabyte = 2 ** 20;
const none: ReadonlySet<never> = new Set();
const node = (op: string, inputs: readonly Value[], shape: readonly number[], attributes: Node["attributes"] = {}) => ({
  op,
  inputs,
  attributes,
  outputs: [new Value(shape, "float32")],
});
const of = ({ outputs }: Node) => outputs[0]!;

/** x -> a (1 MB) -> b (2 MB) -> c, as large as a and of the same shape -> d, as large and of another shape -> the result. */
function chain() {
  const x = new Value([4], "float32");
  const a = node("Tile", [x], [256, 1024]);
  const b = node("Tile", [of(a)], [512, 1024]);
  const c = node("Slice", [of(b)], [256, 1024]);
  const d = node("Transpose", [of(c)], [1024, 256]);
  const e = node("Exp", [of(d)], [1024, 256]);
  const y = node("ReduceSum", [of(e)], []);
  return { graph: new Graph("chain", [x], [a, b, c, d, e, y], [of(y)]), x, a };
}

it("a value takes the buffer of one of its shape, however long ago that was free; other buffers come from regions that double", () => {
  // a and c lie in the first region of 1 MB; b in the second of 2 MB, which d takes, and e writes over d: 1 + 2 MB.
  expect(arenaBytes(chain().graph, none)).toBe(3 * megabyte);
});

it("views lie where their operands lie", () => {
  const { graph, a } = chain();
  const view = node("Reshape", [of(a)], [1024, 256], { shape: [1024, 256] });
  const sum = node("Add", [of(view), graph.inputs[0]!], [1024, 256]);
  const y = node("ReduceSum", [of(sum)], []);
  const viewed = new Graph("view", graph.inputs, [a, view, sum, y], [of(y)]);
  expect(arenaBytes(viewed, none)).toBe(megabyte);
  // Of a shape that is not known beforehand, the sum cannot be written over the view: 1 MB more.
  expect(arenaBytes(viewed, new Set([view]))).toBe(2 * megabyte);
});
