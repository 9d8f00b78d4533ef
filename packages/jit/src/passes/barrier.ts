import type { Builder } from "../ir/builder.js";
import type { Graph, Value } from "../ir/graph.js";
import { type Rule, rewrite } from "./rewrite.js";

/*
 * Barrier(x, after) is x, but not before `after` is computed. Runtimes have no such operator; a data dependency that they cannot see
 * through does the same.
 */

/** One element of `x`. */
function anyElement(b: Builder, x: Value, shape: readonly number[]): Value {
  const zeros = x.shape.map(() => 0);
  const ones = x.shape.map(() => 1);
  const axes = x.shape.map((_, axis) => axis);
  return b.reshape(x.size === 1 ? x : b.op("Slice", [x], { starts: zeros, ends: ones, axes, steps: ones }), shape);
}

const withoutCopy: Rule = ({ op, inputs }, b) => {
  if (op !== "Barrier") return undefined;
  const [x, after] = inputs as [Value, Value];
  const number = b.op("Cast", [anyElement(b, after, [1])], { to: "int64" });
  return [b.reshape(b.op("Unsqueeze", [x, b.op("Sub", [number, number])]), x.shape)];
};

/**
 * For the CPU: an axis of size 1 is put in front and taken away again. That it is axis 0 is computed as n - n from an element of `after`.
 * Nothing is copied. (A reshape by computed sizes would be simpler, but ONNX Runtime merges it with its neighbours and loses the sizes.)
 */
export function lowerBarriers(graph: Graph): Graph {
  return graph.nodes.some(({ op }) => op === "Barrier") ? rewrite(graph, [withoutCopy]) : graph;
}

/** For GPUs, where shapes live in the CPU's memory: either branch of a choice that an element of `after` makes. */
export const barrierAsChoice: Rule = ({ op, inputs }, b) => {
  if (op !== "Barrier") return undefined;
  const [x, after] = inputs as [Value, Value];
  const element = b.cast(anyElement(b, after, []), "float32");
  return [b.op("Where", [b.op("Greater", [element, b.scalar(0)]), x, x])];
};

export function barriersAsChoices(graph: Graph): Graph {
  return rewrite(graph, [barrierAsChoice]);
}
