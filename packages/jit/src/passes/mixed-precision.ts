import { Builder } from "../ir/builder.js";
import { Graph, type Node, Value } from "../ir/graph.js";

/** Where the arithmetic is, and rounding of the factors does no harm: sums are kept in float32 by the devices' kernels. */
const products: ReadonlySet<string> = new Set(["Conv", "FusedMatMul", "Gemm", "MatMul"]);

/**
 * What may stay in float16 between products: it neither sums many values nor leaves the range of float16 more than its operands do.
 * Reductions, statistics of norms, softmax, exponentials, roots and quotients are not among them.
 */
const between: ReadonlySet<string> = new Set([
  "Add", "Barrier", "Concat", "Expand", "Gather", "LeakyRelu", "Max", "Min", "Mul", "Neg", "Pad", "QuickGelu", "Relu", "Reshape", "Sigmoid",
  "Slice", "Split", "Sub", "Tanh", "Tile", "Transpose", "Where",
]); // biome-ignore format: a list

/**
 * Computes products in float16, and what lies between products, too; everything else (the loss, norms' statistics, softmax, the
 * optimiser, all inputs and results) stays float32. A value that is needed in both types is cast once. Small gradients vanish in float16:
 * scale the loss.
 */
export function mixedPrecision(graph: Graph): Graph {
  const chosen = inHalf(graph);
  const b = new Builder();
  /** The float16 form of float32 values. */
  const halves = new Map<Value, Value>();
  /** The float32 form of values that are computed in float16. */
  const wide = new Map<Value, Value>();
  const computedHalf = new Set<Value>();

  const full = (value: Value): Value => {
    if (!computedHalf.has(value)) return value;
    const known = wide.get(value) ?? b.op("Cast", [halves.get(value)!], { to: "float32" });
    wide.set(value, known);
    return known;
  };
  const half = (value: Value): Value => {
    if (value.dtype !== "float32") return value;
    const known = halves.get(value) ?? b.op("Cast", [value], { to: "float16" });
    halves.set(value, known);
    return known;
  };

  for (const node of graph.nodes) {
    if (!chosen.has(node)) {
      b.add({ ...node, inputs: node.inputs.map(full) });
      continue;
    }
    const outputs = node.outputs.map(({ shape }) => new Value(shape, "float16"));
    b.add({ ...node, inputs: node.inputs.map(half), outputs });
    node.outputs.forEach((output, i) => {
      computedHalf.add(output);
      halves.set(output, outputs[i]!);
    });
  }
  return new Graph(graph.name, graph.inputs, b.nodes, graph.outputs.map(full));
}

/** Products, and the nodes on a path from one product to another. */
function inHalf({ nodes }: Graph): ReadonlySet<Node> {
  const isFloat = (node: Node) => node.outputs.every(({ dtype }) => dtype === "float32");
  const isProduct = (node: Node) => products.has(node.op) && isFloat(node);
  const mayFollow = (node: Node) => between.has(node.op) && isFloat(node);

  const leadsToProduct = new Set<Value>();
  const before = new Set<Node>();
  for (const node of nodes.toReversed()) {
    const needed = node.outputs.some((output) => leadsToProduct.has(output));
    if (mayFollow(node) && needed) before.add(node);
    if (isProduct(node) || before.has(node)) for (const input of node.inputs) leadsToProduct.add(input);
  }
  const fromProduct = new Set<Value>();
  const chosen = new Set<Node>();
  for (const node of nodes) {
    const after = before.has(node) && node.inputs.some((input) => fromProduct.has(input));
    if (!isProduct(node) && !after) continue;
    chosen.add(node);
    for (const output of node.outputs) fromProduct.add(output);
  }
  return chosen;
}
