import { type Attributes, sizeOf, Value, type ValueType } from "./graph.js";
import type { Op } from "./infer.js";

/** What reductions give where there is nothing to reduce, as in tfjs (whose mean is a sum of shares). */
const neutral: Readonly<Partial<Record<Op, number>>> = {
  Gemm: 0,
  MatMul: 0,
  Pad: 0,
  ReduceMax: -Infinity,
  ReduceMean: 0,
  ReduceMin: Infinity,
  ReduceProd: 1,
  ReduceSum: 0,
};

interface Output {
  readonly shape: readonly number[];
  readonly dtype: ValueType;
}

/** The one number in all elements of an operator's result when an operand has no elements; undefined when that says nothing. */
export function valueOfNothing(op: Op, inputs: readonly Value[], attributes: Attributes): number | undefined {
  const nothing = inputs[0]!.size === 0;
  // A bias is what remains of a product over no elements.
  if (!nothing || (op === "Gemm" && inputs.length > 2)) return undefined;
  return attributes.mode === undefined ? neutral[op] : undefined;
}

/** A tensor without elements. It is a constant, whatever computes it, so that no runtime needs to handle it. */
export function emptyValue({ shape, dtype }: Output): Value | undefined {
  if (sizeOf(shape) > 0 || dtype === "int64" || dtype === "float16") return undefined;
  const array = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }[dtype];
  return new Value(shape, dtype, new array(0));
}
