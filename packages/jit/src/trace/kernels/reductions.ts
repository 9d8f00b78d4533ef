import type { Builder } from "../../ir/builder.js";
import type { Value } from "../../ir/graph.js";
import type { Lowering } from "../lowering.js";

interface ReduceAttrs {
  readonly axis: number | number[] | null | undefined;
  readonly keepDims: boolean;
}

const axesOf = (axis: ReduceAttrs["axis"], rank: number) => {
  const given = axis === null || axis === undefined ? Array.from({ length: rank }, (_, i) => i) : [axis].flat();
  return given.map((a) => (a < 0 ? a + rank : a)).sort((a, b) => a - b);
};

const reduce =
  (op: "ReduceSum" | "ReduceMean" | "ReduceProd"): Lowering =>
  (b, { x }, { axis, keepDims }: ReduceAttrs) => {
    const from = op === "ReduceMean" ? b.cast(x!, "float32") : x!.dtype === "bool" ? b.cast(x!, "int32") : x!;
    return b.reduce(op, from, axesOf(axis, x!.shape.length), keepDims === true);
  };

/** The largest or smallest element; where one is no number, neither is the result (ONNX passes over it). */
function extreme(b: Builder, op: "ReduceMax" | "ReduceMin", x: Value, axis: ReduceAttrs["axis"], keep: boolean): Value {
  const axes = axesOf(axis, x.shape.length);
  if (x.dtype === "bool") return b.cast(b.reduce(op, b.cast(x, "int32"), axes, keep), "bool");
  const found = b.reduce(op, x, axes, keep);
  if (x.dtype !== "float32" || axes.length === 0) return found;
  const unknown = b.reduce("ReduceMax", b.cast(b.op("IsNaN", [x]), "float32"), axes, keep);
  return b.op("Where", [b.cast(unknown, "bool"), b.scalar(Number.NaN), found]);
}

/** All and Any as a minimum or maximum of 0 and 1. */
const logical =
  (op: "ReduceMin" | "ReduceMax"): Lowering =>
  (b, { x }, { axis, keepDims }: ReduceAttrs) =>
    b.cast(b.reduce(op, b.cast(x!, "int32"), axesOf(axis, x!.shape.length), keepDims === true), "bool");

const argument =
  (op: "ArgMax" | "ArgMin"): Lowering =>
  (b, { x }, { axis: given }: { axis: number }) => {
    const axis = axesOf(given, x!.shape.length)[0]!;
    // tfjs calls the first of no elements the largest.
    if (x!.size === 0) return b.full(0, x!.shape.toSpliced(axis, 1), "int32");
    return b.cast(b.op(op, [ranked(b, op, x!)], { axis, keepdims: 0 }), "int32");
  };

/** As tfjs, what is no number is never the largest or smallest. */
function ranked(b: Builder, op: "ArgMax" | "ArgMin", x: Value): Value {
  if (x.dtype !== "float32") return b.cast(x, "int32");
  const last = op === "ArgMax" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return b.op("Where", [b.op("IsNaN", [x]), b.scalar(last), x]);
}

const overAxis = (b: Builder, op: "Softmax" | "LogSoftmax", logits: Value, dim: number) =>
  b.op(op, [logits], { axis: axesOf(dim, logits.shape.length)[0]! });

export const reductions: Readonly<Record<string, Lowering>> = {
  Sum: reduce("ReduceSum"),
  Mean: reduce("ReduceMean"),
  Max: (b, { x }, { reductionIndices, keepDims }: { reductionIndices: number[]; keepDims: boolean }) =>
    extreme(b, "ReduceMax", x!, reductionIndices, keepDims === true),
  Min: (b, { x }, { axis, keepDims }: ReduceAttrs) => extreme(b, "ReduceMin", x!, axis, keepDims === true),
  Prod: reduce("ReduceProd"),
  All: logical("ReduceMin"),
  Any: logical("ReduceMax"),
  ArgMax: argument("ArgMax"),
  ArgMin: argument("ArgMin"),
  Softmax: (b, { logits }, { dim }: { dim: number }) => overAxis(b, "Softmax", logits!, dim),
  LogSoftmax: (b, { logits }, { axis }: { axis: number }) => overAxis(b, "LogSoftmax", logits!, axis),
};
