import { Graph, type Node, Value } from "../ir/graph.js";
import { isBinary, isUnary } from "../ir/infer.js";
import { bytesOf, isAlias, isLarge, lifetimes, memoryPeak } from "./liveness.js";
import { schedule } from "./schedule.js";

/** Values of fewer bytes are not worth their recomputation, in large programs and in others. */
const worthRecomputing = { large: 1 << 22, other: 1 << 24 };
/** An operand of this share of a value may be kept for its recomputation. */
const small = 1 / 16;
/** Products that sum so few terms cost little more than writing their result: transforms of tiles, logits of attention heads. */
const fewTerms = 64;
/** So many of them one after the other: more would compute whole networks of few channels again. */
const mostProducts = 1;
/** Recomputation moves the peak; more rounds find nothing in the networks at hand. */
const rounds = 3;

/** Operators that cost no more than reading and writing, besides those by element. */
const light: ReadonlySet<string> = new Set([
  "Concat", "Expand", "Gather", "Pad", "Slice", "Softmax", "Split", "Transpose", "Where",
]); // biome-ignore format: a list

/** Products that it takes to run a node again; infinite when it costs more. */
function effortOf(node: Node): number {
  if (isUnary(node.op) || isBinary(node.op) || isAlias(node) || light.has(node.op)) return 0;
  return termsOf(node) <= fewTerms ? 1 : Number.POSITIVE_INFINITY;
}

/** Length of the sums of a matrix product; infinite for what is none. */
function termsOf({ op, inputs, attributes }: Node): number {
  const { shape } = inputs[0]!;
  if (op === "MatMul") return shape.at(-1)!;
  return op === "Gemm" ? shape[attributes.transA === 1 ? 0 : 1]! : Number.POSITIVE_INFINITY;
}

const worthIn = (graph: Graph): number => worthRecomputing[isLarge(graph) ? "large" : "other"];

/**
 * Computes large values that are cheap to compute (activations, patches, tiles) a second time after the peak of memory, where they are kept
 * over the peak for nothing else: a training step then keeps what products made, and little else. `smallest` is in bytes. For the CPU,
 * where barriers are free.
 */
export function recompute(graph: Graph, smallest = worthIn(graph)): Graph {
  if (!graph.nodes.some(({ outputs }) => outputs.some((output) => bytesOf(output) >= smallest))) return graph;
  let best = schedule(graph);
  let peak = memoryPeak(best);
  for (let round = 0; round < rounds; round++) {
    const again = recomputeOver(best, peak.node, smallest);
    if (again === undefined) break;
    const next = schedule(again);
    const lower = memoryPeak(next);
    if (lower.bytes > 0.98 * peak.bytes) break;
    [best, peak] = [next, lower];
  }
  return best;
}

/** One round, over the node `peak` of the order at hand. Undefined when there is nothing to compute again. */
function recomputeOver(graph: Graph, peak: number, smallest: number): Graph | undefined {
  const { storage, lastUse } = lifetimes(graph, { overwriting: false });
  const made = new Map<Value, { readonly node: Node; readonly at: number }>();
  graph.nodes.forEach((node, at) => {
    for (const output of node.outputs) made.set(output, { node, at });
  });
  const results = new Set(graph.outputs);
  const over = (value: Value) => (made.get(value)?.at ?? -1) <= peak && lastUse(value) > peak;

  const known = new Map<Value, number>();
  /** Products on the way to a value from what is kept after the peak anyway; infinite where there is no way. */
  const effort = (value: Value): number => {
    const before = known.get(value);
    if (before !== undefined) return before;
    const maker = made.get(value);
    const own =
      maker === undefined || maker.at > peak || results.has(value) ? Number.POSITIVE_INFINITY : effortOf(maker.node);
    const operands = own > mostProducts ? [] : maker!.node.inputs.filter((operand) => !kept(operand, value));
    const total = own + Math.max(0, ...operands.map(effort));
    known.set(value, total);
    return total;
  };
  const can = (value: Value) => effort(value) <= mostProducts;
  const isLarge = (value: Value) => bytesOf(storage(value)) >= smallest;
  const kept = (operand: Value, of: Value) =>
    operand.data !== undefined ||
    !made.has(operand) ||
    bytesOf(operand) <= small * bytesOf(of) ||
    (over(operand) && !(isLarge(operand) && can(operand)));

  const chosen = new Set([...made.keys()].filter((value) => over(value) && isLarge(value) && can(value)));
  if (chosen.size === 0) return undefined;

  const nodes: Node[] = [];
  const again = new Map<Value, Value>();
  /** The value anew, behind `after`. */
  const compute = (value: Value, after: Value): Value => {
    const done = again.get(value);
    if (done !== undefined) return done;
    const { node } = made.get(value)!;
    const inputs = node.inputs.map((operand) =>
      kept(operand, value) || !can(operand) ? operand : compute(operand, after),
    );
    if (inputs.every((input, i) => input === node.inputs[i])) {
      // Without a difference to the first time, it would be the first time's result again.
      const largest = inputs.reduce((a, b) =>
        b.data === undefined && (a.data !== undefined || b.size > a.size) ? b : a,
      );
      const behind = new Value(largest.shape, largest.dtype);
      nodes.push({ op: "Barrier", inputs: [largest, after], attributes: {}, outputs: [behind] });
      inputs[inputs.indexOf(largest)] = behind;
    }
    const outputs = node.outputs.map(({ shape, dtype }) => new Value(shape, dtype));
    nodes.push({ ...node, inputs, outputs });
    node.outputs.forEach((output, i) => {
      again.set(output, outputs[i]!);
    });
    return again.get(value)!;
  };
  graph.nodes.forEach((node, at) => {
    if (at <= peak || !node.inputs.some((input) => chosen.has(input))) {
      nodes.push(node);
      return;
    }
    // The newest operand: the gradient that the value is needed for.
    const newest = node.inputs.reduce((a, b) => ((made.get(b)?.at ?? -1) > (made.get(a)?.at ?? -1) ? b : a));
    const after = (made.get(newest)?.at ?? -1) > peak ? newest : graph.nodes[at - 1]!.outputs[0]!;
    nodes.push({ ...node, inputs: node.inputs.map((input) => (chosen.has(input) ? compute(input, after) : input)) });
  });
  return new Graph(graph.name, graph.inputs, nodes, graph.outputs);
}
