export type DType = "float32" | "int32" | "bool";
/** Types of values inside a graph. */
export type ValueType = DType | "int64" | "float16";
export type TensorData = Float32Array | Int32Array | Uint8Array;
export type Attribute = number | string | readonly number[];
export type Attributes = Readonly<Record<string, Attribute>>;

/** A tensor in a graph. Constants carry their data; everything else is an input or the output of one node. */
export class Value {
  constructor(
    readonly shape: readonly number[],
    readonly dtype: ValueType,
    readonly data?: TensorData,
    /** A frozen input: it gets its data when the program is opened, and the runtime treats it as a constant from then on. */
    readonly frozen = false,
  ) {}

  get size(): number {
    return sizeOf(this.shape);
  }
}

/** One ONNX operator. What ONNX takes as constant int64 inputs (shapes, axes, pads) is an attribute here. */
export interface Node {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
  /** Of a Loop: what one round computes. It may use values of the graph around it. */
  readonly body?: Graph;
}

/** A static program: nodes in execution order. `String(graph)` is its readable text. */
export class Graph {
  constructor(
    readonly name: string,
    readonly inputs: readonly Value[],
    readonly nodes: readonly Node[],
    readonly outputs: readonly Value[],
  ) {}

  toString(): string {
    return printGraph(this);
  }
}

/** The node that computes each value. */
export const producersOf = (nodes: readonly Node[]): ReadonlyMap<Value, Node> =>
  new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

function printGraph(graph: Graph, outer: ReadonlyMap<Value, string> = new Map()): string {
  const names = new Map(outer);
  const define = (value: Value) => {
    names.set(value, `%${names.size}`);
    return `${names.get(value)}: ${value.frozen ? "frozen " : ""}${value.dtype}[${value.shape.join(",")}]`;
  };
  const use = (value: Value) => names.get(value) ?? printConstant(value);
  const lines = [`program ${graph.name}(${graph.inputs.map(define).join(", ")})`];
  for (const node of graph.nodes) {
    const attributes = Object.entries(node.attributes).map(
      ([name, attribute]) => ` ${name}=${Array.isArray(attribute) ? `[${attribute.join(",")}]` : attribute}`,
    );
    const inputs = node.inputs.map(use).join(", ");
    lines.push(`  ${node.outputs.map(define).join(", ")} = ${node.op}(${inputs})${attributes.join("")}`);
    if (node.body) lines.push(printGraph(node.body, names).replaceAll(/^/gm, "    "));
  }
  lines.push(`  return ${graph.outputs.map(use).join(", ")}`);
  return lines.join("\n");
}

function printConstant(value: Value): string {
  if (value.data === undefined) return "undefined value";
  if (value.shape.length === 0) return String(value.data[0]);
  const shown = value.size <= 8 ? Array.from(value.data).join(",") : "...";
  return `${value.dtype}[${value.shape.join(",")}]{${shown}}`;
}
