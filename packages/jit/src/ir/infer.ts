import { JitError } from "../errors.js";
import type { Attributes, Value, ValueType } from "./graph.js";

interface Inferred {
  readonly shape: readonly number[];
  readonly dtype: ValueType;
}
type Rule = (inputs: readonly Value[], attributes: Attributes) => readonly Inferred[];

const same: Rule = ([x]) => [{ shape: x!.shape, dtype: x!.dtype }];
const elementwise: Rule = (inputs) => [
  { shape: inputs.map(({ shape }) => shape).reduce(broadcastShapes), dtype: commonDType(inputs) },
];
const comparison: Rule = (inputs) => [
  { shape: inputs.map(({ shape }) => shape).reduce(broadcastShapes), dtype: commonDType(inputs) && "bool" },
];
const reduction: Rule = ([x], { axes, keepdims }) => [
  { shape: reduced(x!.shape, axes as number[], keepdims === 1), dtype: x!.dtype },
];
const argument: Rule = ([x], { axis, keepdims }) => [
  { shape: reduced(x!.shape, [axis as number], keepdims === 1), dtype: "int64" },
];

const unaryOps = [
  "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor", "Identity",
  "LeakyRelu", "Log", "Neg", "Not", "QuickGelu", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Sinh",
  "Softplus", "Sqrt", "Tan", "Tanh",
] as const; // biome-ignore format: a list
const binaryOps = ["Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "And", "Or", "BitwiseAnd"] as const;
const comparisonOps = ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"] as const;
const reductionOps = ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"] as const;

const each = <K extends string>(names: readonly K[], rule: Rule) =>
  Object.fromEntries(names.map((name) => [name, rule])) as Record<K, Rule>;

/** Shapes and types of every operator's outputs; an operator that is not here cannot be recorded. */
const rules = {
  ...each(unaryOps, same),
  ...each(binaryOps, elementwise),
  ...each(comparisonOps, comparison),
  ...each(reductionOps, reduction),
  ArgMax: argument,
  ArgMin: argument,
  Barrier: same,
  Cast: ([x], { to }) => [{ shape: x!.shape, dtype: to as ValueType }],
  Clip: same,
  Concat: (inputs, { axis }) => {
    const shape = [...inputs[0]!.shape];
    for (const x of inputs) {
      const fits = x.shape.length === shape.length && x.shape.every((size, i) => i === axis || size === shape[i]);
      if (!fits) throw new RangeError(`[${x.shape}] cannot be concatenated to [${shape}] along axis ${axis}`);
    }
    shape[axis as number] = inputs.reduce((sum, x) => sum + x.shape[axis as number]!, 0);
    return [{ shape, dtype: commonDType(inputs) }];
  },
  Conv: ([x, filter], { strides, pads, dilations }) => {
    const rank = x!.shape.length - 2;
    const spatial = Array.from({ length: rank }, (_, i) => {
      const extent = (filter!.shape[i + 2]! - 1) * (dilations as number[])[i]! + 1;
      const padded = x!.shape[i + 2]! + (pads as number[])[i]! + (pads as number[])[i + rank]!;
      return Math.floor((padded - extent) / (strides as number[])[i]!) + 1;
    });
    return [{ shape: [x!.shape[0]!, filter!.shape[0]!, ...spatial], dtype: x!.dtype }];
  },
  CumSum: same,
  Expand: ([x], { shape }) => [{ shape: shape as number[], dtype: x!.dtype }],
  Gather: ([x, indices], { axis }) => [
    {
      shape: [...x!.shape.slice(0, axis as number), ...indices!.shape, ...x!.shape.slice((axis as number) + 1)],
      dtype: x!.dtype,
    },
  ],
  Gemm: ([a, b], { transA, transB }) => {
    const [rows, inner] = transA === 1 ? a!.shape.toReversed() : a!.shape;
    const [terms, columns] = transB === 1 ? b!.shape.toReversed() : b!.shape;
    if (inner !== terms) throw new RangeError(`[${rows},${inner}] and [${terms},${columns}] have no matrix product`);
    return [{ shape: [rows!, columns!], dtype: commonDType([a!, b!]) }];
  },
  InstanceNormalization: same,
  IsInf: ([x]) => [{ shape: x!.shape, dtype: "bool" }],
  IsNaN: ([x]) => [{ shape: x!.shape, dtype: "bool" }],
  LogSoftmax: same,
  MatMul: ([a, b]) => {
    const fits = a!.shape.length >= 2 && b!.shape.length >= 2 && a!.shape.at(-1) === b!.shape.at(-2);
    if (!fits) throw new RangeError(`[${a!.shape}] and [${b!.shape}] have no matrix product`);
    const batch = broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    return [{ shape: [...batch, a!.shape.at(-2)!, b!.shape.at(-1)!], dtype: commonDType([a!, b!]) }];
  },
  Pad: ([x], { pads }) => {
    const rank = x!.shape.length;
    const p = pads as number[];
    return [{ shape: x!.shape.map((size, i) => size + p[i]! + p[i + rank]!), dtype: x!.dtype }];
  },
  Reshape: ([x], { shape }) => [{ shape: shape as number[], dtype: x!.dtype }],
  ScatterND: same,
  Slice: ([x], { starts, ends, axes, steps }) => {
    const shape = [...x!.shape];
    (axes as number[]).forEach((axis, i) => {
      const step = (steps as number[])[i]!;
      const size = x!.shape[axis]!;
      // Negative positions count from the end; then both stay where a walk by such steps can be.
      const [lowest, highest] = step > 0 ? [0, size] : [-1, size - 1];
      const place = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, lowest), highest);
      const [start, end] = [place((starts as number[])[i]!), place((ends as number[])[i]!)];
      shape[axis] = Math.max(0, Math.ceil((end - start) / step));
    });
    return [{ shape, dtype: x!.dtype }];
  },
  Softmax: same,
  Split: ([x], { axis, split }) =>
    (split as number[]).map((size) => ({
      shape: x!.shape.map((old, i) => (i === axis ? size : old)),
      dtype: x!.dtype,
    })),
  Tile: ([x], { repeats }) => [{ shape: x!.shape.map((size, i) => size * (repeats as number[])[i]!), dtype: x!.dtype }],
  TopK: ([x], { k, axis }) => {
    const shape = x!.shape.map((size, i) => (i === axis ? (k as number[])[0]! : size));
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: "int64" },
    ];
  },
  Transpose: ([x], { perm }) => [{ shape: (perm as number[]).map((axis) => x!.shape[axis]!), dtype: x!.dtype }],
  // Its axis, 0, is not known before the program runs.
  Unsqueeze: ([x]) => [{ shape: [1, ...x!.shape], dtype: x!.dtype }],
  Where: (inputs) => [
    { shape: inputs.map(({ shape }) => shape).reduce(broadcastShapes), dtype: commonDType(inputs.slice(1)) },
  ],
} satisfies Record<string, Rule>;

export type Op = keyof typeof rules;

/** Shape and type of each output of `op`. */
export function infer(op: Op, inputs: readonly Value[], attributes: Attributes): readonly Inferred[] {
  return rules[op](inputs, attributes);
}

const elementwiseUnary: ReadonlySet<string> = new Set([...unaryOps, "Cast", "Clip", "IsInf", "IsNaN"]);
const elementwiseBinary: ReadonlySet<string> = new Set([...binaryOps, ...comparisonOps]);

/** Whether the operator maps each element of its one tensor by itself (scalar limits of Clip aside). */
export const isUnary = (op: string) => elementwiseUnary.has(op);
/** Whether the operator combines two tensors by element, broadcasting. */
export const isBinary = (op: string) => elementwiseBinary.has(op);

/** NumPy's broadcasting of two shapes. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new RangeError(`shapes [${a}] and [${b}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

function reduced(shape: readonly number[], axes: readonly number[], keep: boolean): readonly number[] {
  return keep ? shape.map((size, i) => (axes.includes(i) ? 1 : size)) : shape.filter((_, i) => !axes.includes(i));
}

/** The dtype of all the tensors; throws JIT110 where they differ. */
function commonDType(inputs: readonly Value[]): ValueType {
  const [first] = inputs;
  for (const { dtype } of inputs) {
    if (dtype === first!.dtype) continue;
    throw new JitError("JIT110", `mixed dtypes ${inputs.map((x) => `${x.dtype}[${x.shape}]`).join(" and ")}`, {
      hint: "Bring both to one dtype with tf.cast.",
    });
  }
  return first!.dtype;
}
