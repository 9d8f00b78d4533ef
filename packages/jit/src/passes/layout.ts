import type { Builder } from "../ir/builder.js";
import type { Graph, Node, Value } from "../ir/graph.js";
import { isBinary, isUnary } from "../ir/infer.js";
import { type Rule, rewrite } from "./rewrite.js";

const permOf = (node: Node) => node.attributes.perm as readonly number[];
const isIdentity = (perm: readonly number[]) => perm.every((axis, i) => axis === i);

/** x in another shape, without a reshape before it. */
const reshaped = (b: Builder, x: Value, shape: readonly number[]) => {
  const inner = b.producer(x);
  return b.reshape(inner?.op === "Reshape" ? inner.inputs[0]! : x, shape);
};

/** Two transposes are one, or none. */
const merge: Rule = (node, b) => {
  if (node.op !== "Transpose") return undefined;
  const inner = b.producer(node.inputs[0]!);
  if (inner?.op === "Transpose")
    return [
      b.transpose(
        inner.inputs[0]!,
        permOf(node).map((axis) => permOf(inner)[axis]!),
      ),
    ];
  return isIdentity(permOf(node)) ? [node.inputs[0]!] : undefined;
};

/** A transpose that moves only axes of size 1 moves no data. */
const asReshape: Rule = (node, b) => {
  if (node.op !== "Transpose") return undefined;
  const shape = node.inputs[0]!.shape;
  const moved = permOf(node).filter((axis) => shape[axis] !== 1);
  return moved.every((axis, i) => i === 0 || moved[i - 1]! < axis)
    ? [reshaped(b, node.inputs[0]!, node.outputs[0]!.shape)]
    : undefined;
};

const mergeReshapes: Rule = (node, b) =>
  node.op === "Reshape" ? [reshaped(b, node.inputs[0]!, node.outputs[0]!.shape)] : undefined;

/** f(transpose(x)) = transpose(f(x)) by element, so that transposes meet and cancel; only where nothing else needs the transposed x. */
const sink: Rule = (node, b, uses) => {
  const one = (value: Value) => {
    const producer = b.producer(value);
    return producer?.op === "Transpose" && uses(value) === 1 ? producer : undefined;
  };
  if (isUnary(node.op)) {
    const inner = one(node.inputs[0]!);
    if (!inner) return undefined;
    return [
      b.transpose(b.op(node.op as "Abs", [inner.inputs[0]!, ...node.inputs.slice(1)], node.attributes), permOf(inner)),
    ];
  }
  if (!isBinary(node.op)) return undefined;
  const [x, y] = node.inputs as [Value, Value];
  const [tx, ty] = [one(x), one(y)];
  const same = tx && ty && permOf(tx).join() === permOf(ty).join();
  if (same) return [b.transpose(b.op(node.op as "Add", [tx.inputs[0]!, ty.inputs[0]!], node.attributes), permOf(tx))];
  if (tx && y.size === 1 && y.shape.length <= x.shape.length) {
    return [b.transpose(b.op(node.op as "Add", [tx.inputs[0]!, y], node.attributes), permOf(tx))];
  }
  if (ty && x.size === 1 && x.shape.length <= y.shape.length) {
    return [b.transpose(b.op(node.op as "Add", [x, ty.inputs[0]!], node.attributes), permOf(ty))];
  }
  return undefined;
};

/** Moves less data: transposes sink through operators by element, meet, and cancel; reshapes merge. */
export function cancelLayout(graph: Graph): Graph {
  return rewrite(graph, [merge, asReshape, mergeReshapes, sink]);
}
