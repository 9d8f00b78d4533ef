import type { Builder } from "../ir/builder.js";
import type { Graph, Value } from "../ir/graph.js";
import { type Rule, rewrite } from "./rewrite.js";

/*
 * Barrier(x, after) is x, but not before `after` is computed. Runtimes have no such operator; a data dependency that they cannot see
 * through does the same.
 */

/** One element of `x`, as a scalar. */
function anyElement(b: Builder, x: Value): Value {
  const zeros = x.shape.map(() => 0);
  const ones = x.shape.map(() => 1);
  const axes = x.shape.map((_, axis) => axis);
  return b.reshape(x.size === 1 ? x : b.op("Slice", [x], { starts: zeros, ends: ones, axes, steps: ones }), []);
}

const withoutCopy: Rule = ({ op, inputs }, b) => {
  if (op !== "Barrier") return undefined;
  const [x, after] = inputs as [Value, Value];
  const number = b.op("Cast", [anyElement(b, after)], { to: "int64" });
  const zeros = b.expand(b.op("Sub", [number, number]), [x.shape.length]);
  return [b.op("Barrier", [x, zeros])];
};

/**
 * For the CPU: a reshape that keeps every size, as zeros say, computed as n - n from an element of `after`. Nothing is copied. What is left
 * of a barrier is written as this reshape.
 */
export function lowerBarriers(graph: Graph): Graph {
  return graph.nodes.some(({ op }) => op === "Barrier") ? rewrite(graph, [withoutCopy]) : graph;
}

/** For GPUs, where shapes live in the CPU's memory: either branch of a choice that an element of `after` makes. */
export const barrierAsChoice: Rule = ({ op, inputs }, b) => {
  if (op !== "Barrier") return undefined;
  const [x, after] = inputs as [Value, Value];
  const element = b.cast(anyElement(b, after), "float32");
  return [b.op("Where", [b.op("Greater", [element, b.scalar(0)]), x, x])];
};
