import type { Builder } from "../ir/builder.js";
import { type DType, type Graph, sameShape, sizeOf, Value } from "../ir/graph.js";
import { broadcastShapes, isBinary } from "../ir/infer.js";
import { activateProduct, biasOfProduct, gatherCut, gatherOnce, gatherPadded, oneBias } from "./fusion.js";
import { type Rule, rewrite } from "./rewrite.js";

const isScalar = (value: Value, number: number) => value.data?.length === 1 && value.data[0] === number;

/** x + 0, x - 0, x * 1, x / 1: the other operand, spread to the shape of the result. */
const neutral: Rule = ({ op, inputs, outputs }, b) => {
  const [x, y] = inputs;
  const shape = outputs[0]!.shape;
  const right = op === "Add" || op === "Sub" ? 0 : op === "Mul" || op === "Div" ? 1 : undefined;
  if (right === undefined) return undefined;
  if (isScalar(y!, right)) return [b.expand(x!, shape)];
  if ((op === "Add" || op === "Mul") && isScalar(x!, right)) return [b.expand(y!, shape)];
  return undefined;
};

/** An operand that was spread to the result's shape need not be, when the other operand gives that shape or half of the work is saved. */
const absorbExpand: Rule = ({ op, inputs, outputs, attributes }, b) => {
  if (!isBinary(op)) return undefined;
  const [x, y] = inputs as [Value, Value];
  const source = (value: Value) => {
    const node = b.producer(value);
    return node?.op === "Expand" ? node.inputs[0]! : value;
  };
  const [sx, sy] = [source(x), source(y)];
  if (sx === x && sy === y) return undefined;
  const shape = broadcastShapes(sx.shape, sy.shape);
  const result = b.op(op as "Add", [sx, sy], attributes);
  return sameShape(shape, outputs[0]!.shape) ? [result] : [b.expand(result, outputs[0]!.shape)];
};

/** A reshape that only puts sizes of 1 in front is what broadcasting does anyway. */
const absorbLeadingOnes: Rule = ({ op, inputs, outputs, attributes }, b) => {
  if (!isBinary(op)) return undefined;
  const source = (value: Value) => {
    const node = b.producer(value);
    if (node?.op !== "Reshape") return value;
    const from = node.inputs[0]!.shape;
    const added = value.shape.length - from.length;
    const onlyOnes = added > 0 && value.shape.every((size, i) => size === (i < added ? 1 : from[i - added]));
    return onlyOnes ? node.inputs[0]! : value;
  };
  const [x, y] = inputs.map(source) as [Value, Value];
  if (x === inputs[0] && y === inputs[1]) return undefined;
  return sameShape(broadcastShapes(x.shape, y.shape), outputs[0]!.shape)
    ? [b.op(op as "Add", [x, y], attributes)]
    : undefined;
};

/** Reducing axes of size 1 is a reshape. */
const emptyReduction: Rule = ({ op, inputs, outputs, attributes }, b) => {
  const [x] = inputs as [Value];
  const axes = op.startsWith("Reduce") ? (attributes.axes as number[]) : undefined;
  return axes?.every((axis) => x.shape[axis] === 1) ? [b.reshape(x, outputs[0]!.shape)] : undefined;
};

/** The largest divisor of `size` up to `most`. */
function divisor(size: number, most: number): number {
  for (let d = Math.min(most, size); d > 1; d--) if (size % d === 0) return d;
  return 1;
}

/** Rows that are added in one stage: fewer are added quickest by a product, see short-sums.ts. */
export const rowsAtOnce = 160;

/**
 * A sum or mean over many rows [R, C] in two stages: ONNX Runtime's reduction of a middle axis is some 15 times quicker than its reduction
 * of the first one, and shorter sums round less.
 */
const stagedReduction: Rule = ({ op, inputs, outputs, attributes }, b) => {
  if (op !== "ReduceSum" && op !== "ReduceMean") return undefined;
  const [x] = inputs as [Value];
  const axes = attributes.axes as number[];
  const first = x.shape.findIndex((size) => size !== 1);
  const [axis, ...others] = axes.filter((at) => x.shape[at] !== 1);
  if (axis !== first || others.length > 0) return undefined;
  const rows = x.shape[axis]!;
  const columns = x.size / rows;
  const parts = divisor(rows, 8);
  if (parts === 1 || columns === 1 || rows <= rowsAtOnce) return undefined;
  const partial = b.reduce(op, b.reshape(x, [parts, rows / parts, columns]), [1], false);
  return [b.reshape(b.reduce(op, partial, [0], false), outputs[0]!.shape)];
};

/** Pictures of fewer numbers are pooled in no time; only rows as long as this and windows as small by parts. */
const pooling = { smallest: 1 << 16, shortestRow: 16, mostParts: 8 };

/** The sum of the parts of x [N, parts, R]: [N, 1, R]. */
function sumOfParts(b: Builder, x: Value): Value {
  const parts = x.shape[1]!;
  const split = b.ops("Split", [x], { axis: 1, split: Array<number>(parts).fill(1) });
  return split.reduce((sum, part) => b.op("Add", [sum, part]));
}

/**
 * The sum or mean over the small windows of a picture [N, P, H, Q, C], axes 1 and 3, by additions: ONNX Runtime takes some three times as
 * long to reduce axes that are no neighbours, and as two reductions no less, as middle axes so short are slow, too.
 */
const pooledSum: Rule = ({ op, inputs, outputs, attributes }, b) => {
  const [x] = inputs as [Value];
  if ((op !== "ReduceSum" && op !== "ReduceMean") || x.dtype !== "float32" || x.size < pooling.smallest)
    return undefined;
  const axes = (attributes.axes as readonly number[]).filter((axis) => x.shape[axis] !== 1);
  const [first, second] = axes.toSorted((p, q) => p - q);
  if (axes.length !== 2 || sizeOf(x.shape.slice(first! + 1, second)) === 1) return undefined;
  const [down, across] = [x.shape[first!]!, x.shape[second!]!];
  const row = sizeOf(x.shape.slice(second! + 1));
  if (down + across > pooling.mostParts || row < pooling.shortestRow) return undefined;
  const before = sizeOf(x.shape.slice(0, first));
  const rows = sumOfParts(b, b.reshape(x, [before, down, x.size / (before * down)]));
  const sum = sumOfParts(b, b.reshape(rows, [rows.size / (across * row), across, row]));
  const result = op === "ReduceSum" ? sum : b.op("Mul", [sum, b.scalar(1 / (down * across))]);
  return [b.reshape(result, outputs[0]!.shape)];
};

/** ONNX Runtime combines a tensor that ends in axes of size 1 with a number some ten times more slowly than the same tensor without them. */
const trailingOnes: Rule = ({ op, inputs, outputs, attributes }, b) => {
  if (!isBinary(op)) return undefined;
  const shape = outputs[0]!.shape;
  if (shape.length < 2 || shape.at(-1) !== 1) return undefined;
  const fits = inputs.every((x) => x.size === 1 || sameShape(x.shape, shape));
  if (!fits || inputs.every((x) => x.size !== 1) || outputs[0]!.size === 1) return undefined;
  const flat = inputs.map((x) => b.reshape(x, x.size === 1 ? [] : [x.size]));
  return [b.reshape(b.op(op as "Add", flat, attributes), shape)];
};

const same: Rule = ({ op, inputs, outputs }) => {
  const shapeOnly = op === "Reshape" || op === "Expand" || op === "Identity";
  return shapeOnly && sameShape(inputs[0]!.shape, outputs[0]!.shape) ? [inputs[0]!] : undefined;
};

const doubled: Rule = ({ op, inputs }, b) => {
  if (op !== "Neg") return undefined;
  const node = b.producer(inputs[0]!);
  return node?.op === "Neg" ? [node.inputs[0]!] : undefined;
};

/** An expanded constant of one element stays one element wherever broadcasting does the rest; x - c and x / c are kept as they are. */
const zeroProduct: Rule = ({ op, inputs, outputs }, b) => {
  if (op !== "Mul" || outputs[0]!.dtype !== "int32") return undefined;
  const zero = inputs.find((input) => isScalar(input, 0));
  return zero && [b.expand(new Value([], zero.dtype as DType, zero.data!), outputs[0]!.shape)];
};

/** Cheaper forms of the same value. */
export function simplify(graph: Graph): Graph {
  return rewrite(graph, [
    same,
    neutral,
    absorbExpand,
    absorbLeadingOnes,
    biasOfProduct,
    oneBias,
    emptyReduction,
    stagedReduction,
    pooledSum,
    trailingOnes,
    doubled,
    zeroProduct,
    gatherOnce,
    gatherPadded,
    gatherCut,
    activateProduct,
  ]);
}
