import { Value } from "../ir/graph.js";
import type { Rule } from "./rewrite.js";

/** Taking from what was taken is one taking, e.g. a mirrored border and then the windows of a convolution. */
export const gatherOnce: Rule = ({ op, inputs, attributes }, b) => {
  if (op !== "Gather") return undefined;
  const inner = b.producer(inputs[0]!);
  if (inner?.op !== "Gather" || inner.attributes.axis !== attributes.axis) return undefined;
  const [first, second] = [inner.inputs[1]!, inputs[1]!];
  if (!first.data || !second.data || first.shape.length !== 1 || second.shape.length !== 1) return undefined;
  const places = Int32Array.from(second.data as Int32Array, (at) => (first.data as Int32Array)[at]!);
  return [b.op("Gather", [inner.inputs[0]!, new Value([places.length], "int32", places)], attributes)];
};

/** What ONNX Runtime computes together with the matrix product that it follows, where nothing stands between. */
const followers = new Set(["LeakyRelu", "Relu", "Sigmoid", "Tanh"]);

/** f(reshape(x)) = reshape(f(x)) by element, where x is a matrix product that nothing else needs. */
export const activateProduct: Rule = ({ op, inputs, attributes }, b, uses) => {
  if (!followers.has(op)) return undefined;
  const shown = b.producer(inputs[0]!);
  if (shown?.op !== "Reshape" || uses(inputs[0]!) !== 1) return undefined;
  const product = shown.inputs[0]!;
  if (b.producer(product)?.op !== "Gemm" || uses(product) !== 1) return undefined;
  return [b.reshape(b.op(op as "Relu", [product], attributes), inputs[0]!.shape)];
};
