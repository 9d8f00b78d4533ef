import { JitError } from "../../errors.js";
import type { Builder } from "../../ir/builder.js";
import type { DType, Value } from "../../ir/graph.js";
import type { Op } from "../../ir/infer.js";
import type { Lowering } from "../lowering.js";
import { atan2, castTo, expm1, floorDiv, inNumbers, isBounded, isInfinite, log1p, mod, through } from "./arithmetic.js";

/** tfjs's kernels of one tensor that are one ONNX operator on floating-point numbers. */
const ofFloats = {
  Acos: "Acos", Acosh: "Acosh", Asin: "Asin", Asinh: "Asinh", Atan: "Atan", Atanh: "Atanh", Ceil: "Ceil", Cos: "Cos",
  Cosh: "Cosh", Elu: "Elu", Erf: "Erf", Floor: "Floor", Log: "Log", Reciprocal: "Reciprocal", Round: "Round", Selu: "Selu",
  Sigmoid: "Sigmoid", Sin: "Sin", Sinh: "Sinh", Softplus: "Softplus", Sqrt: "Sqrt", Tan: "Tan", Tanh: "Tanh",
} as const satisfies Record<string, Op>; // biome-ignore format: a table

/** The same on integers, too. */
const ofNumbers = { Abs: "Abs", Neg: "Neg", Relu: "Relu" } as const satisfies Record<string, Op>;

/** tfjs's kernels of two tensors that are one ONNX operator. */
const binary = {
  Maximum: "Max", Minimum: "Min", Equal: "Equal", LogicalAnd: "And", LogicalOr: "Or", BitwiseAnd: "BitwiseAnd",
} as const satisfies Record<string, Op>; // biome-ignore format: a table

/** The same, of numbers alone: tfjs's results for truth values are not all 0 and 1. */
const arithmetic = { Add: "Add", Sub: "Sub", RealDiv: "Div", Pow: "Pow" } as const satisfies Record<string, Op>;

/** The same; truth values count as 0 and 1. */
const comparisons = {
  Greater: "Greater",
  GreaterEqual: "GreaterOrEqual",
  Less: "Less",
  LessEqual: "LessOrEqual",
} as const satisfies Record<string, Op>;

/** `op` of two tensors of numbers. Throws JIT102. */
function ofTwo(b: Builder, op: Op, x: Value, y: Value): Value {
  if (x.dtype !== "bool" || y.dtype !== "bool") return b.op(op, [x, y]);
  throw new JitError("JIT102", `arithmetic of two bool tensors, [${x.shape}] and [${y.shape}]`, {
    hint: "Cast them to int32 or float32 with tf.cast, or use tf.logicalAnd, tf.logicalOr, tf.logicalXor.",
  });
}

const counted = (b: Builder, x: Value) => (x.dtype === "bool" ? b.cast(x, "int32") : x);

const map = <K extends string, V, R>(table: Record<K, V>, f: (value: V) => R) =>
  Object.fromEntries(Object.entries<V>(table).map(([key, value]) => [key, f(value)])) as Record<K, R>;

const select = (b: Builder, condition: Value, yes: Value, no: Value) => b.op("Where", [condition, yes, no]);

/** A kernel that computes in float32 and, as tfjs does, answers in the type of its operand. */
const inFloat =
  (f: (b: Builder, x: Value, attrs: { readonly alpha: number }) => Value): Lowering =>
  (b, { x }, attrs: { readonly alpha: number }) =>
    through(b, x!, "float32", (value) => f(b, value, attrs));

/** A question about floating-point numbers; integers all answer it alike. */
const ask =
  (whole: 0 | 1, f: (b: Builder, x: Value) => Value): Lowering =>
  (b, { x }) =>
    x!.dtype === "float32" ? f(b, x!) : b.full(whole, x!.shape, "bool");

export const elementwise: Readonly<Record<string, Lowering>> = {
  ...map(ofFloats, (op) => inFloat((b, x) => b.op(op, [x]))),
  ...map(
    ofNumbers,
    (op): Lowering =>
      (b, { x }) =>
        inNumbers(b, x!, (value) => b.op(op, [value])),
  ),
  ...map(
    binary,
    (op): Lowering =>
      (b, { a, b: c }) =>
        b.op(op, [a!, c!]),
  ),
  ...map(
    arithmetic,
    (op): Lowering =>
      (b, { a, b: c }) =>
        ofTwo(b, op, a!, c!),
  ),
  ...map(
    comparisons,
    (op): Lowering =>
      (b, { a, b: c }) =>
        b.op(op, [counted(b, a!), counted(b, c!)]),
  ),
  Multiply: (b, { a, b: c }) => b.op(a!.dtype === "bool" && c!.dtype === "bool" ? "And" : "Mul", [a!, c!]),
  NotEqual: (b, { a, b: c }) => b.op("Not", [b.op("Equal", [a!, c!])]),
  LogicalNot: (b, { x }) => b.op("Not", [x!]),
  IsNan: ask(0, (b, x) => b.op("IsNaN", [x])),
  IsInf: ask(0, isInfinite),
  IsFinite: ask(1, isBounded),
  // tfjs answers in float32 here, whatever the operand.
  Exp: (b, { x }) => b.op("Exp", [b.cast(x!, "float32")]),
  Sign: (b, { x }) =>
    inNumbers(b, x!, (value) => {
      const sign = b.op("Sign", [value]);
      return value.dtype === "float32" ? select(b, b.op("IsNaN", [value]), b.scalar(0), sign) : sign;
    }),
  Square: (b, { x }) => inNumbers(b, x!, (value) => b.op("Mul", [value, value])),
  Rsqrt: inFloat((b, x) => b.op("Reciprocal", [b.op("Sqrt", [x])])),
  Expm1: inFloat(expm1),
  Log1p: inFloat(log1p),
  Relu6: inFloat((b, x) => b.op("Min", [b.op("Relu", [x]), b.scalar(6)])),
  EluGrad: (b, { dy, y }) => {
    const positive = b.op("GreaterOrEqual", [y!, b.scalar(0)]);
    return select(b, positive, dy!, b.op("Mul", [dy!, b.op("Add", [y!, b.scalar(1)])]));
  },
  LeakyRelu: (b, { x }, { alpha }: { alpha: number }) => b.op("LeakyRelu", [b.cast(x!, "float32")], { alpha }),
  Prelu: (b, { x, alpha }) => {
    const [of, slope] = [b.cast(x!, "float32"), b.cast(alpha!, "float32")];
    return select(b, b.op("Less", [of, b.scalar(0)]), b.op("Mul", [of, slope]), of);
  },
  Step: inFloat((b, x, { alpha }) => {
    const stepped = select(b, b.op("Greater", [x, b.scalar(0)]), b.scalar(1), b.scalar(alpha));
    return select(b, b.op("IsNaN", [x]), x, stepped);
  }),
  Atan2: (b, { a, b: c }) => castTo(b, atan2(b, b.cast(a!, "float32"), b.cast(c!, "float32")), a!.dtype as DType),
  // tfjs gives integers here, whatever the operands.
  FloorDiv: (b, { a, b: c }) => floorDiv(b, a!, c!),
  Mod: (b, { a, b: c }) => mod(b, a!, c!),
  SquaredDifference: (b, { a, b: c }) => {
    const difference = ofTwo(b, "Sub", a!, c!);
    return b.op("Mul", [difference, difference]);
  },
  AddN: (b, inputs) => Object.values(inputs).reduce((sum, x) => ofTwo(b, "Add", sum, x)),
  ClipByValue: (b, { x }, { clipValueMin, clipValueMax }: { clipValueMin: number; clipValueMax: number }) =>
    inNumbers(b, x!, (value) => {
      const limit = (number: number) => b.scalar(number, value.dtype as DType);
      return b.op("Clip", [value, limit(clipValueMin), limit(clipValueMax)]);
    }),
  Select: (b, { condition, t, e }) => {
    const c = condition!;
    const missing = t!.shape.length - c.shape.length;
    const yes = b.reshape(c, [...c.shape, ...Array<number>(missing).fill(1)]);
    if (t!.dtype !== "bool") return select(b, yes, t!, e!);
    // ONNX Runtime cannot choose between truth values.
    return b.op("Or", [b.op("And", [yes, t!]), b.op("And", [b.op("Not", [yes]), e!])]);
  },
  Cast: (b, { x }, { dtype }: { dtype: DType }) => castTo(b, x!, dtype),
  Identity: (_, { x }) => x!,
  ZerosLike: (b, { x }) => b.full(0, x!.shape, x!.dtype as DType),
  OnesLike: (b, { x }) => b.full(1, x!.shape, x!.dtype as DType),
};
