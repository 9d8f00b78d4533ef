import * as ort from "onnxruntime-node";
import type { Graph, Node, Value } from "../ir/graph.js";
import { bytesOf, isLarge } from "../passes/liveness.js";

/**
 * In large programs views of at least so many bytes are told their shape when the program runs. ONNX Runtime keeps the memory of a
 * tensor for the next one of the same shape, however late in the program that comes: a training step held two to three times what was
 * alive at its peak. Where it does not know shapes beforehand it frees memory at once; but it writes no result over an operand either,
 * which a forward pass at 16x16 latents loses a fifth of its time by.
 */
const worthOpening = 1 << 22;

/** The views whose shapes are given when the program runs. */
export function openViews(graph: Graph, smallest: number): ReadonlySet<Node> {
  const open = new Set<Node>();
  if (!isLarge(graph, smallest)) return open;
  for (const node of graph.nodes) {
    const [output] = node.outputs as [Value];
    if (node.op === "Reshape" && bytesOf(output) >= worthOpening) open.add(node);
  }
  return open;
}

/** Name of the input that a shape is given by. */
export const shapeInput = (shape: readonly number[]): string => `s${shape.join("_")}`;

/** What the runtime is fed with for them. */
export function shapeFeeds(shapes: readonly (readonly number[])[]): Record<string, ort.Tensor> {
  return Object.fromEntries(
    shapes.map((shape) => [
      shapeInput(shape),
      new ort.Tensor("int64", BigInt64Array.from(shape, BigInt), [shape.length]),
    ]),
  );
}
