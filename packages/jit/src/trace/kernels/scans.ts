import type { Builder } from "../../ir/builder.js";
import type { DType, Value } from "../../ir/graph.js";
import type { Lowering } from "../lowering.js";

interface ScanAttrs {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

const axisOf = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

/** tfjs counts truth values as integers. */
const countable = (b: Builder, x: Value) => (x.dtype === "bool" ? b.cast(x, "int32") : x);

/** x moved `by` places along `axis`, away from its start (or its end, reversed), with ones moved in. */
function shifted(b: Builder, x: Value, axis: number, by: number, reverse: boolean): Value {
  const length = x.shape[axis]!;
  const [starts, ends] = reverse ? [[by], [length]] : [[0], [length - by]];
  const ones = b.full(
    1,
    x.shape.map((size, i) => (i === axis ? by : size)),
    x.dtype as DType,
  );
  if (by === length) return ones;
  const kept = b.op("Slice", [x], { starts, ends, axes: [axis], steps: [1] });
  return b.op("Concat", reverse ? [kept, ones] : [ones, kept], { axis });
}

/** Products of prefixes, by doubling: after step k every element is the product of the 2^k elements up to itself. */
const cumprod: Lowering = (b, { x }, { axis, exclusive, reverse }: ScanAttrs) => {
  const at = axisOf(axis, x!.shape.length);
  const length = x!.shape[at]!;
  let y = countable(b, x!);
  if (length === 0) return y;
  if (exclusive) y = shifted(b, y, at, 1, reverse);
  for (let by = 1; by < length; by *= 2) y = b.op("Mul", [y, shifted(b, y, at, by, reverse)]);
  return y;
};

export const scans: Readonly<Record<string, Lowering>> = {
  Cumsum: (b, { x }, { axis, exclusive, reverse }: ScanAttrs) =>
    b.op("CumSum", [countable(b, x!)], {
      axis: axisOf(axis, x!.shape.length),
      exclusive: exclusive ? 1 : 0,
      reverse: reverse ? 1 : 0,
    }),
  Cumprod: cumprod,
};
