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

/** Two reshapes are one. */
export const mergeReshapes: Rule = (node, b) =>
  node.op === "Reshape" ? [reshaped(b, node.inputs[0]!, node.outputs[0]!.shape)] : undefined;

/**
 * reshape(transpose(x)) = transpose(reshape(x)) where the reshape merges or splits only axes that are neighbours in x, too: a weight that is
 * kept in the layout of its use, shown to the model in another one, meets the transpose back.
 */
const reshapeFirst: Rule = (node, b, uses) => {
  if (node.op !== "Reshape") return undefined;
  const outer = b.producer(node.inputs[0]!);
  const shown = outer?.op === "Reshape" ? outer.inputs[0]! : node.inputs[0]!;
  const inner = b.producer(shown);
  if (inner?.op !== "Transpose" || uses(shown) !== 1) return undefined;
  const source = inner.inputs[0]!;
  const to = node.outputs[0]!.shape;
  const groups = groupAxes(permOf(inner), source.shape, to);
  if (groups === undefined) return undefined;
  const order = groups.toSorted((a, b) => a.first - b.first).flatMap(({ axes }) => axes);
  const moved = reshaped(
    b,
    source,
    order.map((axis) => to[axis]!),
  );
  return [
    b.transpose(
      moved,
      to.map((_, axis) => order.indexOf(axis)),
    ),
  ];
};

/**
 * The axes of `to` in groups that hold the same elements as neighbouring axes of `shape`, which `perm` reorders: for each group its first
 * axis of `shape`. Undefined where a group has no such neighbours.
 */
function groupAxes(perm: readonly number[], shape: readonly number[], to: readonly number[]) {
  if (shape.includes(0)) return undefined;
  // Axes of size 1 are nowhere and part nobody.
  const places = shape.flatMap((size, axis) => (size === 1 ? [] : [axis]));
  const sources = perm.filter((axis) => shape[axis] !== 1);
  const groups: { first: number; axes: number[] }[] = [];
  for (let [axis, at] = [0, 0]; axis < to.length; ) {
    const group = { first: sources[at] ?? shape.length, axes: [axis] };
    let [before, after] = [1, to[axis++]!];
    for (let start = at; before !== after; ) {
      if (before > after) {
        group.axes.push(axis);
        after *= to[axis++]!;
        continue;
      }
      if (at > start && places.indexOf(sources[at]!) !== places.indexOf(sources[at - 1]!) + 1) return undefined;
      before *= shape[sources[at++]!]!;
    }
    groups.push(group);
  }
  return groups;
}

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
  return rewrite(graph, [merge, asReshape, reshapeFirst, mergeReshapes, sink]);
}
