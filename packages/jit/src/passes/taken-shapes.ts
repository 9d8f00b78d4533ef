import type { Graph, Node } from "../ir/graph.js";
import { sameShape, sizeOf, Value } from "../ir/graph.js";
import { isBinary, isUnary } from "../ir/infer.js";
import { deadCode } from "./dead-code.js";
import { type Rule, rewrite } from "./rewrite.js";

type Shape = readonly number[];

/** The axes into which `shape` divides one axis of another, where it leaves the others as they are. */
function divided(whole: Shape, axis: number, shape: Shape): Shape | undefined {
  const after = whole.length - axis - 1;
  const parts = shape.slice(axis, shape.length - after);
  const kept = sameShape([...shape.slice(0, axis), ...shape.slice(shape.length - after)], whole.toSpliced(axis, 1));
  return kept && sizeOf(parts) === whole[axis] ? parts : undefined;
}

/** The operand of an operator that changes each number alone; the others are scalars. */
const alone = ({ op, inputs }: Node): Value | undefined => {
  const full = inputs.filter(({ size }) => size !== 1);
  return (isUnary(op) || isBinary(op)) && full.length === 1 ? full[0] : undefined;
};

/** Indices of any number of axes, which layers that are alike share. */
function shaping() {
  const tables = new Map<Value, Map<string, Value>>();
  return (table: Value, shape: Shape) => {
    const shapes = tables.get(table) ?? new Map<string, Value>();
    tables.set(table, shapes);
    const shaped = shapes.get(shape.join()) ?? new Value(shape, table.dtype, table.data!);
    shapes.set(shape.join(), shaped);
    return shaped;
  };
}

/**
 * Rows that are taken are taken in the shape in which they are read next, e.g. as heads: no view is needed, and what scales them stands beside
 * the product that ONNX Runtime can scale itself.
 */
export function takenShapes(graph: Graph): Graph {
  const shaped = shaping();
  const rule: Rule = ({ op, inputs, outputs }, b, uses) => {
    if (op !== "Reshape") return undefined;
    const between: Node[] = [];
    let value = inputs[0]!;
    let node = b.producer(value);
    while (node && uses(value) === 1) {
      if (node.op === "Gather") break;
      const operand = alone(node);
      if (operand === undefined) return undefined;
      between.unshift(node);
      value = operand;
      node = b.producer(value);
    }
    if (node?.op !== "Gather" || uses(value) > 1) return undefined;
    const [rows, table] = node.inputs as [Value, Value];
    const lead = table.shape.length === 1 && divided(value.shape, node.attributes.axis as number, outputs[0]!.shape);
    if (!table.data || !lead) return undefined;
    const taken = b.op("Gather", [rows, shaped(table, lead)], node.attributes);
    let shown = taken;
    let before = value;
    for (const { op, inputs, attributes, outputs } of between) {
      shown = b.op(
        op as "Mul",
        inputs.map((input) => (input === before ? shown : input)),
        attributes,
      );
      before = outputs[0]!;
    }
    return [shown];
  };
  return deadCode(rewrite(graph, [rule]));
}
