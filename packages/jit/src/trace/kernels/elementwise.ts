import type { Builder } from "../../ir/builder.js";
import type { DType, Value } from "../../ir/graph.js";
import type { Op } from "../../ir/infer.js";
import type { Lowering } from "../lowering.js";

/** tfjs's kernels of one tensor that are one ONNX operator. */
const unary = {
  Abs: "Abs", Acos: "Acos", Acosh: "Acosh", Asin: "Asin", Asinh: "Asinh", Atan: "Atan", Atanh: "Atanh", Ceil: "Ceil",
  Cos: "Cos", Cosh: "Cosh", Elu: "Elu", Erf: "Erf", Exp: "Exp", Floor: "Floor", IsInf: "IsInf", IsNan: "IsNaN",
  Log: "Log", LogicalNot: "Not", Neg: "Neg", Reciprocal: "Reciprocal", Relu: "Relu", Round: "Round", Selu: "Selu",
  Sigmoid: "Sigmoid", Sign: "Sign", Sin: "Sin", Sinh: "Sinh", Softplus: "Softplus", Sqrt: "Sqrt", Tan: "Tan", Tanh: "Tanh",
} as const satisfies Record<string, Op>; // biome-ignore format: a table

/** tfjs's kernels of two tensors that are one ONNX operator. */
const binary = {
  Add: "Add", Sub: "Sub", Multiply: "Mul", RealDiv: "Div", Maximum: "Max", Minimum: "Min", Pow: "Pow",
  Equal: "Equal", Greater: "Greater", GreaterEqual: "GreaterOrEqual", Less: "Less", LessEqual: "LessOrEqual",
  LogicalAnd: "And", LogicalOr: "Or",
} as const satisfies Record<string, Op>; // biome-ignore format: a table

const map = <K extends string, V, R>(table: Record<K, V>, f: (value: V) => R) =>
  Object.fromEntries(Object.entries<V>(table).map(([key, value]) => [key, f(value)])) as Record<K, R>;

const floorOfQuotient = (b: Builder, x: Value, y: Value) =>
  b.op("Floor", [b.op("Div", [b.cast(x, "float32"), b.cast(y, "float32")])]);

const select = (b: Builder, condition: Value, yes: Value, no: Value) => b.op("Where", [condition, yes, no]);

export const elementwise: Readonly<Record<string, Lowering>> = {
  ...map(
    unary,
    (op): Lowering =>
      (b, { x }) =>
        b.op(op, [x!]),
  ),
  ...map(
    binary,
    (op): Lowering =>
      (b, { a, b: c }) =>
        b.op(op, [a!, c!]),
  ),
  NotEqual: (b, { a, b: c }) => b.op("Not", [b.op("Equal", [a!, c!])]),
  Square: (b, { x }) => b.op("Mul", [x!, x!]),
  Rsqrt: (b, { x }) => b.op("Reciprocal", [b.op("Sqrt", [x!])]),
  Expm1: (b, { x }) => b.op("Sub", [b.op("Exp", [x!]), b.scalar(1)]),
  Log1p: (b, { x }) => b.op("Log", [b.op("Add", [x!, b.scalar(1)])]),
  IsFinite: (b, { x }) => b.op("Not", [b.op("Or", [b.op("IsInf", [x!]), b.op("IsNaN", [x!])])]),
  Relu6: (b, { x }) => b.op("Min", [b.op("Relu", [x!]), b.scalar(6)]),
  EluGrad: (b, { dy, y }) => {
    const positive = b.op("GreaterOrEqual", [y!, b.scalar(0)]);
    return select(b, positive, dy!, b.op("Mul", [dy!, b.op("Add", [y!, b.scalar(1)])]));
  },
  LeakyRelu: (b, { x }, { alpha }: { alpha: number }) => b.op("LeakyRelu", [x!], { alpha }),
  Prelu: (b, { x, alpha }) => select(b, b.op("Less", [x!, b.scalar(0)]), b.op("Mul", [x!, alpha!]), x!),
  Step: (b, { x }, { alpha }: { alpha: number }) => {
    const stepped = select(b, b.op("Greater", [x!, b.scalar(0)]), b.scalar(1), b.scalar(alpha));
    return select(b, b.op("IsNaN", [x!]), x!, stepped);
  },
  // tfjs gives integers here, whatever the operands.
  FloorDiv: (b, { a, b: c }) => b.cast(floorOfQuotient(b, a!, c!), "int32"),
  Mod: (b, { a, b: c }) => {
    const quotient = b.cast(floorOfQuotient(b, a!, c!), a!.dtype as DType);
    return b.op("Sub", [a!, b.op("Mul", [quotient, c!])]);
  },
  SquaredDifference: (b, { a, b: c }) => {
    const difference = b.op("Sub", [a!, c!]);
    return b.op("Mul", [difference, difference]);
  },
  AddN: (b, inputs) => Object.values(inputs).reduce((sum, x) => b.op("Add", [sum, x])),
  ClipByValue: (b, { x }, { clipValueMin, clipValueMax }: { clipValueMin: number; clipValueMax: number }) =>
    b.op("Clip", [x!, b.scalar(clipValueMin, x!.dtype as DType), b.scalar(clipValueMax, x!.dtype as DType)]),
  Select: (b, { condition, t, e }) => {
    const c = condition!;
    const missing = t!.shape.length - c.shape.length;
    return select(b, b.reshape(c, [...c.shape, ...Array<number>(missing).fill(1)]), t!, e!);
  },
  Cast: (b, { x }, { dtype }: { dtype: DType }) => {
    // tfjs truncates towards zero, as ONNX does; anything but zero is true.
    return b.cast(x!, dtype);
  },
  Identity: (_, { x }) => x!,
  ZerosLike: (b, { x }) => b.full(0, x!.shape, x!.dtype as DType),
  OnesLike: (b, { x }) => b.full(1, x!.shape, x!.dtype as DType),
};
