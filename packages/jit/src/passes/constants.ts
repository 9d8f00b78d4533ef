import { fillArray, typedArray } from "../ir/builder.js";
import { type DType, type Graph, type Node, sizeOf, type TensorData, Value } from "../ir/graph.js";
import { broadcastShapes, infer, type Op } from "../ir/infer.js";
import { rewrite } from "./rewrite.js";

/** Folding may not blow up the program: only results up to this size, unless the operator merely moves a constant. */
const largestResult = 65_536;

/** Computes in advance what depends on constants alone. Weights of frozen programs are brought into the layout of their use here. */
export function foldConstants(graph: Graph): Graph {
  return rewrite(graph, [
    (node) => {
      if (node.outputs.length !== 1 || node.inputs.some(({ data }) => data === undefined)) return undefined;
      const data = evaluate(node);
      if (data === undefined) return undefined;
      const { shape, dtype } = infer(node.op as Op, node.inputs, node.attributes)[0]!;
      return [new Value(shape, dtype, data)];
    },
  ]);
}

function evaluate(node: Node): TensorData | undefined {
  const [x] = node.inputs as [Value];
  const output = node.outputs[0]!;
  if (node.op === "Reshape") return x.data;
  if (node.op === "Transpose") return gather(x, output, transposedStrides(x.shape, node.attributes.perm as number[]));
  if (output.size > largestResult || output.dtype === "int64") return undefined;
  const dtype = output.dtype as DType;
  if (node.op === "Cast") return fillArray(dtype, output.size, (i) => castValue(x.data![i]!, dtype));
  const f1 = unary[node.op];
  if (f1) return fillArray(dtype, output.size, (i) => f1(x.data![i]!));
  const f2 = binary[node.op];
  if (!f2) return undefined;
  const shape = broadcastShapes(x.shape, node.inputs[1]!.shape);
  const a = gather(x, output, broadcastStrides(x.shape, shape));
  const b = gather(node.inputs[1]!, output, broadcastStrides(node.inputs[1]!.shape, shape));
  return fillArray(dtype, output.size, (i) => f2(a[i]!, b[i]!));
}

const castValue = (value: number, to: DType) =>
  to === "bool" ? Number(value !== 0) : to === "int32" ? Math.trunc(value) : value;

const unary: Readonly<Record<string, (x: number) => number>> = {
  Exp: Math.exp, Log: Math.log, Neg: (x) => -x, Not: (x) => 1 - x, Reciprocal: (x) => 1 / x, Sqrt: Math.sqrt,
}; // biome-ignore format: a table

const binary: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b, Sub: (a, b) => a - b, Mul: (a, b) => a * b, Div: (a, b) => a / b,
  Equal: (a, b) => Number(a === b), Max: Math.max, Min: Math.min,
}; // biome-ignore format: a table

function rowMajor(shape: readonly number[]): number[] {
  return shape.map((_, i) => sizeOf(shape.slice(i + 1)));
}

const transposedStrides = (shape: readonly number[], perm: readonly number[]) => {
  const strides = rowMajor(shape);
  return perm.map((axis) => strides[axis]!);
};

const broadcastStrides = (from: readonly number[], to: readonly number[]) => {
  const strides = rowMajor(from);
  const missing = to.length - from.length;
  return to.map((_, i) => (i < missing || from[i - missing] === 1 ? 0 : strides[i - missing]!));
};

/** The elements of `x` in the order of `output`'s cells, whose axes step through `x` by `strides`. */
function gather(x: Value, output: Value, strides: readonly number[]): TensorData {
  const data = x.data!;
  const result = new typedArray[x.dtype as DType](output.size);
  const at = Array<number>(output.shape.length).fill(0);
  let from = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = data[from]!;
    for (let axis = at.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++at[axis]! < output.shape[axis]!) break;
      from -= strides[axis]! * at[axis]!;
      at[axis] = 0;
    }
  }
  return result;
}
