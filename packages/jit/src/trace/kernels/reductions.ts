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
  (op: "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceProd"): Lowering =>
  (b, { x }, { axis, keepDims }: ReduceAttrs) => {
    const from = x!.dtype === "bool" ? b.cast(x!, "int32") : op === "ReduceMean" ? b.cast(x!, "float32") : x!;
    return b.reduce(op, from, axesOf(axis, x!.shape.length), keepDims === true);
  };

/** All and Any as a minimum or maximum of 0 and 1. */
const logical =
  (op: "ReduceMin" | "ReduceMax"): Lowering =>
  (b, { x }, { axis, keepDims }: ReduceAttrs) =>
    b.cast(b.reduce(op, b.cast(x!, "int32"), axesOf(axis, x!.shape.length), keepDims === true), "bool");

const argument =
  (op: "ArgMax" | "ArgMin"): Lowering =>
  (b, { x }, { axis }: { axis: number }) =>
    b.cast(b.op(op, [x!], { axis: axesOf(axis, x!.shape.length)[0]!, keepdims: 0 }), "int32");

const overAxis = (b: Builder, op: "Softmax" | "LogSoftmax", logits: Value, dim: number) =>
  b.op(op, [logits], { axis: axesOf(dim, logits.shape.length)[0]! });

export const reductions: Readonly<Record<string, Lowering>> = {
  Sum: reduce("ReduceSum"),
  Mean: reduce("ReduceMean"),
  Max: (b, { x }, { reductionIndices, keepDims }: { reductionIndices: number[]; keepDims: boolean }) =>
    b.reduce("ReduceMax", x!, axesOf(reductionIndices, x!.shape.length), keepDims === true),
  Min: reduce("ReduceMin"),
  Prod: reduce("ReduceProd"),
  All: logical("ReduceMin"),
  Any: logical("ReduceMax"),
  ArgMax: argument("ArgMax"),
  ArgMin: argument("ArgMin"),
  Softmax: (b, { logits }, { dim }: { dim: number }) => overAxis(b, "Softmax", logits!, dim),
  LogSoftmax: (b, { logits }, { axis }: { axis: number }) => overAxis(b, "LogSoftmax", logits!, axis),
  Cumsum: (b, { x }, { axis, exclusive, reverse }: { axis: number; exclusive: boolean; reverse: boolean }) =>
    b.op("CumSum", [x!], {
      axis: axesOf(axis, x!.shape.length)[0]!,
      exclusive: exclusive ? 1 : 0,
      reverse: reverse ? 1 : 0,
    }),
};
