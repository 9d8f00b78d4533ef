import type { Builder } from "../ir/builder.js";
import { type DType, Value } from "../ir/graph.js";
import type { Rule } from "./rewrite.js";

/*
 * The WebGPU provider computes positions (ArgMax, ArgMin, TopK) as int64, of which it can make nothing else. Here they are counted in
 * float32, which has every position below 2^24.
 */

/** 0, 1, 2, ... along one axis of a tensor of so many axes. */
function counted(length: number, axis: number, rank: number): Value {
  const shape = Array.from({ length: rank }, (_, i) => (i === axis ? length : 1));
  return new Value(
    shape,
    "float32",
    Float32Array.from({ length }, (_, i) => i),
  );
}

/** The first position of the extremum along an axis. */
function firstOf(b: Builder, x: Value, extremum: "ReduceMax" | "ReduceMin", axis: number, keep: boolean): Value {
  const length = x.shape[axis]!;
  const hit = b.op("Equal", [x, b.reduce(extremum, x, [axis], true)]);
  const position = b.op("Where", [hit, counted(length, axis, x.shape.length), b.scalar(length)]);
  return b.reduce("ReduceMin", position, [axis], keep);
}

/** Positions of the `count` largest along the last axis: those with fewer than `count` before them, in order. */
function largest(b: Builder, x: Value, count: number): Value {
  const length = x.shape.at(-1)!;
  const rows = x.size / length;
  const rank = 3;
  const [own, other] = [b.reshape(x, [rows, length, 1]), b.reshape(x, [rows, 1, length])];
  const earlier = b.op("Less", [counted(length, 2, rank), counted(length, 1, rank)]);
  const larger = b.cast(b.op("Greater", [other, own]), "float32");
  const equal = b.cast(b.op("And", [b.op("Equal", [other, own]), earlier]), "float32");
  const before = b.reduce("ReduceSum", b.op("Add", [larger, equal]), [2], false);
  const place = b.op("Equal", [b.reshape(before, [rows, 1, length]), counted(count, 1, rank)]);
  const position = b.op("Where", [place, counted(length, 2, rank), b.scalar(0)]);
  return b.reshape(b.reduce("ReduceSum", position, [2], false), [...x.shape.slice(0, -1), count]);
}

export const positionsAsFloats: Rule = ({ op, inputs, attributes }, b) => {
  if (op !== "Cast" || inputs[0]!.dtype !== "int64") return undefined;
  const source = b.producer(inputs[0]!);
  if (source === undefined) return undefined;
  const [x] = source.inputs as [Value];
  const { axis, keepdims, k } = source.attributes;
  const extremum = ({ ArgMax: "ReduceMax", ArgMin: "ReduceMin" } as const)[source.op];
  if (extremum) return [b.cast(firstOf(b, x, extremum, axis as number, keepdims === 1), attributes.to as DType)];
  return source.op === "TopK" ? [b.cast(largest(b, x, (k as number[])[0]!), attributes.to as DType)] : undefined;
};
