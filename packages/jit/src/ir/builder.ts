import { emptyValue, valueOfNothing } from "./empty.js";
import { type Attributes, type DType, type Node, sameShape, type TensorData, Value } from "./graph.js";
import { infer, type Op } from "./infer.js";

/** Collects nodes. Shapes follow from `infer`. */
export class Builder {
  readonly nodes: Node[] = [];
  /** Of the products recorded so far, each as its definition has them. */
  multiplyAdds = 0;
  readonly #producers = new Map<Value, Node>();

  /** Records `op` and returns its only output. */
  op(op: Op, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.ops(op, inputs, attributes)[0]!;
  }

  /** Records `op` and returns all its outputs. What has no elements, or is made of none, is a constant instead. */
  ops(op: Op, inputs: readonly Value[], attributes: Attributes = {}): readonly Value[] {
    const inferred = infer(op, inputs, attributes);
    const empty = inferred.map(emptyValue);
    if (empty.every((value) => value !== undefined)) return empty;
    const constant = valueOfNothing(op, inputs, attributes);
    if (constant !== undefined) {
      return inferred.map(({ shape, dtype }) => this.full(constant, shape, dtype as DType));
    }
    const outputs = inferred.map(({ shape, dtype }) => new Value(shape, dtype));
    this.add({ op, inputs, attributes, outputs });
    this.multiplyAdds += outputs[0]!.size * termsOf(op, inputs, attributes);
    return outputs.map((output, i) => empty[i] ?? output);
  }

  /** What `record` records, which computes what takes so many multiply-adds by its definition, in whatever way. */
  counting(multiplyAdds: number, record: () => Value): Value {
    const total = this.multiplyAdds + multiplyAdds;
    const result = record();
    this.multiplyAdds = total;
    return result;
  }

  add(node: Node): void {
    this.nodes.push(node);
    for (const output of node.outputs) this.#producers.set(output, node);
  }

  /** The node that computes `value`; undefined for inputs and constants. */
  producer(value: Value): Node | undefined {
    return this.#producers.get(value);
  }

  /** Whether `value` is a constant in another shape or order, such as a frozen weight. */
  isConstant(value: Value): boolean {
    if (value.data !== undefined || value.frozen) return true;
    const node = this.#producers.get(value);
    return (node?.op === "Reshape" || node?.op === "Transpose") && this.isConstant(node.inputs[0]!);
  }

  constant(data: TensorData, shape: readonly number[], dtype: DType): Value {
    return new Value(shape, dtype, data);
  }

  scalar(value: number, dtype: DType = "float32"): Value {
    return new Value([], dtype, typedArray[dtype].of(value));
  }

  /** `value` in every element. */
  full(value: number, shape: readonly number[], dtype: DType): Value {
    return this.expand(this.scalar(value, dtype), shape);
  }

  reshape(x: Value, shape: readonly number[]): Value {
    return sameShape(x.shape, shape) ? x : this.op("Reshape", [x], { shape });
  }

  expand(x: Value, shape: readonly number[]): Value {
    return sameShape(x.shape, shape) ? x : this.op("Expand", [x], { shape });
  }

  transpose(x: Value, perm: readonly number[]): Value {
    return perm.every((axis, i) => axis === i) ? x : this.op("Transpose", [x], { perm });
  }

  cast(x: Value, to: DType): Value {
    return x.dtype === to ? x : this.op("Cast", [x], { to });
  }

  reduce(
    op: "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceProd",
    x: Value,
    axes: readonly number[],
    keep: boolean,
  ): Value {
    return axes.length === 0 ? x : this.op(op, [x], { axes, keepdims: keep ? 1 : 0 });
  }
}

/** Products that are summed for each element of the result; 0 where nothing is. */
function termsOf(op: Op, [a, filter]: readonly Value[], { transA }: Attributes): number {
  if (op === "MatMul") return a!.shape.at(-1)!;
  if (op === "Gemm") return a!.shape[transA === 1 ? 0 : 1]!;
  return op === "Conv" ? filter!.size / filter!.shape[0]! : 0;
}

export const typedArray = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** An array of the dtype with `length` elements computed from their index. */
export function fillArray(dtype: DType, length: number, element: (index: number) => number): TensorData {
  const data = new typedArray[dtype](length);
  for (let i = 0; i < length; i++) data[i] = element(i);
  return data;
}
