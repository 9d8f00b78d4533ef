import type { Builder } from "../../ir/builder.js";
import { type DType, Value } from "../../ir/graph.js";

/*
 * Arithmetic as JavaScript and its typed arrays have it, which tfjs's cpu backend is made of, where ONNX's operators alone differ.
 */

const select = (b: Builder, condition: Value, yes: Value, no: Value) => b.op("Where", [condition, yes, no]);

const infinity = Number.POSITIVE_INFINITY;
/** Not by ONNX's IsInf and IsNaN, which WebGPU lacks. */
export const isInfinite = (b: Builder, x: Value): Value => b.op("Equal", [b.op("Abs", [x]), b.scalar(infinity)]);
export const isBounded = (b: Builder, x: Value): Value => b.op("Less", [b.op("Abs", [x]), b.scalar(infinity)]);

/** Float32 rounded towards zero; what int32 cannot hold becomes 0 (JavaScript wraps the large numbers among these). */
function truncate(b: Builder, x: Value): Value {
  const fits = b.op("Less", [b.op("Abs", [x]), b.scalar(2 ** 31)]);
  return b.cast(select(b, fits, x, b.scalar(0)), "int32");
}

/** x as `dtype`. Numbers are rounded towards zero; anything but zero is true. */
export const castTo = (b: Builder, x: Value, dtype: DType): Value =>
  dtype === "int32" && x.dtype === "float32" ? truncate(b, x) : b.cast(x, dtype);

/** `f` computed in `dtype`, its result in the type of x: tfjs's kernels write results into an array of x's type. */
export function through(b: Builder, x: Value, dtype: DType, f: (x: Value) => Value): Value {
  if (x.dtype === dtype) return f(x);
  const whole = castTo(b, f(b.cast(x, dtype)), "int32");
  return b.cast(whole, x.dtype as DType);
}

/** `f` of numbers; truth values count as 0 and 1. */
export const inNumbers = (b: Builder, x: Value, f: (x: Value) => Value): Value =>
  x.dtype === "bool" ? through(b, x, "int32", f) : f(x);

const areWhole = (x: Value, y: Value) => x.dtype !== "float32" && y.dtype !== "float32";

/** Quotients of int32 rounded down; 0 for a division by zero. */
function wholeQuotient(b: Builder, x: Value, y: Value): Value {
  const zero = b.scalar(0, "int32");
  const byZero = b.op("Equal", [y, zero]);
  const divisor = select(b, byZero, b.scalar(1, "int32"), y);
  const truncated = b.op("Div", [x, divisor]);
  const rest = b.op("Sub", [x, b.op("Mul", [truncated, divisor])]);
  const isNegative = (value: Value) => b.cast(b.op("Less", [value, zero]), "int32");
  const crossed = b.op("Not", [b.op("Equal", [isNegative(rest), isNegative(divisor)])]);
  const below = b.op("And", [crossed, b.op("Not", [b.op("Equal", [rest, zero])])]);
  return select(b, byZero, zero, b.op("Sub", [truncated, b.cast(below, "int32")]));
}

const floatQuotient = (b: Builder, x: Value, y: Value) =>
  b.op("Floor", [b.op("Div", [b.cast(x, "float32"), b.cast(y, "float32")])]);

/** x / y rounded down, as int32. Constants are divided right away, so that what depends on them can be folded. */
export function floorDiv(b: Builder, x: Value, y: Value): Value {
  if (x.data && y.data && y.shape.length <= x.shape.length && y.size === 1) {
    const divisor = y.data[0]!;
    return new Value(
      x.shape,
      "int32",
      Int32Array.from(x.data, (value) => Math.floor(value / divisor)),
    );
  }
  if (areWhole(x, y)) return wholeQuotient(b, b.cast(x, "int32"), b.cast(y, "int32"));
  return truncate(b, floatQuotient(b, x, y));
}

/** The rest of the division, of the sign of y. */
export function mod(b: Builder, x: Value, y: Value): Value {
  if (areWhole(x, y)) {
    const [whole, divisor] = [b.cast(x, "int32"), b.cast(y, "int32")];
    const rest = b.op("Sub", [whole, b.op("Mul", [wholeQuotient(b, whole, divisor), divisor])]);
    const zero = b.scalar(0, "int32");
    return b.cast(select(b, b.op("Equal", [divisor, zero]), zero, rest), x.dtype as DType);
  }
  const rest = b.op("Sub", [x, b.op("Mul", [floatQuotient(b, x, y), y])]);
  // An infinity of the same sign leaves x as it is, where zero times infinity is no number.
  const isNegative = (value: Value) => b.cast(b.op("Less", [value, b.scalar(0)]), "int32");
  const sameSign = b.op("Equal", [isNegative(x), isNegative(y)]);
  const beyond = b.op("And", [isInfinite(b, y), isBounded(b, x)]);
  const untouched = b.op("And", [beyond, sameSign]);
  return select(b, untouched, x, rest);
}

/** exp(x) - 1 without cancellation near zero: 2 t / (1 - t) with t = tanh(x / 2). */
export function expm1(b: Builder, x: Value): Value {
  const t = b.op("Tanh", [b.op("Mul", [x, b.scalar(0.5)])]);
  const near = b.op("Div", [b.op("Add", [t, t]), b.op("Sub", [b.scalar(1), t])]);
  const far = b.op("Sub", [b.op("Exp", [x]), b.scalar(1)]);
  return select(b, b.op("Less", [b.op("Abs", [x]), b.scalar(0.5)]), near, far);
}

/** log(1 + x) without cancellation near zero: with u = 1 + x as rounded, x log(u) / (u - 1) (Kahan). */
export function log1p(b: Builder, x: Value): Value {
  const u = b.op("Add", [x, b.scalar(1)]);
  const log = b.op("Log", [u]);
  const step = b.op("Sub", [u, b.scalar(1)]);
  const corrected = b.op("Mul", [log, b.op("Div", [x, step])]);
  const near = select(b, b.op("Equal", [step, b.scalar(0)]), x, corrected);
  return select(b, b.op("Less", [b.op("Abs", [x]), b.scalar(0.5)]), near, log);
}

/** The angle of the point (x, y) in -pi..pi. */
export function atan2(b: Builder, y: Value, x: Value): Value {
  const zero = b.scalar(0);
  const both = b.op("And", [isInfinite(b, y), isInfinite(b, x)]);
  const side = (value: Value) => select(b, b.op("Greater", [value, zero]), b.scalar(1), b.scalar(-1));
  // Two infinities mean a diagonal, where their quotient is no number.
  const rise = select(b, both, side(y), y);
  const run = select(b, both, side(x), x);
  const half = select(b, b.op("Less", [y, zero]), b.scalar(-Math.PI), b.scalar(Math.PI));
  const turn = select(b, b.op("Less", [x, zero]), half, zero);
  const angle = b.op("Add", [b.op("Atan", [b.op("Div", [rise, run])]), turn]);
  const upright = select(b, b.op("Greater", [y, zero]), b.scalar(Math.PI / 2), y);
  const vertical = select(b, b.op("Less", [y, zero]), b.scalar(-Math.PI / 2), upright);
  return select(b, b.op("Equal", [x, zero]), vertical, angle);
}
