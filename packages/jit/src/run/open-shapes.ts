import * as ort from "onnxruntime-node";
import type { Node } from "../ir/graph.js";
import { bytesOf } from "../passes/liveness.js";

/**
 * Views of at least so many bytes are told their shape when the program runs. ONNX Runtime keeps the memory of a tensor for the next one
 * of the same shape, however late in the program that comes: a training step held two to three times what was alive at its peak. Where
 * it does not know shapes beforehand it frees memory at once; but it writes no result over an operand either, which small tensors, in
 * the processor's caches, gain more from.
 */
const worthOpening = 1 << 22;

/** Whether a node is a view whose shape is given when the program runs. */
export const isOpen = ({ op, outputs }: Node, smallest = worthOpening): boolean =>
  op === "Reshape" && bytesOf(outputs[0]!) >= smallest;

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
