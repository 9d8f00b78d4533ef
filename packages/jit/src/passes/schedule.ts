import { Graph, type Node, type Value } from "../ir/graph.js";
import { bytesOf, isAlias } from "./liveness.js";

/**
 * The same nodes in an order that needs less memory: what is larger than the operands that it frees waits for its first use, what frees
 * more than it takes (a weight's gradient in its final layout) runs as soon as it can.
 */
export function schedule(graph: Graph): Graph {
  return early(late(graph));
}

/** Nodes by where each reads a value; results are read at the end. */
function readersOf(graph: Graph): ReadonlyMap<Value, readonly number[]> {
  const readers = new Map<Value, number[]>();
  const read = (value: Value, at: number) => {
    const known = readers.get(value);
    if (known === undefined) readers.set(value, [at]);
    else known.push(at);
  };
  graph.nodes.forEach((node, i) => {
    for (const input of new Set(node.inputs)) read(input, i);
  });
  for (const output of graph.outputs) read(output, graph.nodes.length);
  return readers;
}

const bytes = (values: readonly Value[]) => values.reduce((sum, value) => sum + bytesOf(value), 0);
const takes = (node: Node) => (isAlias(node) ? 0 : bytes(node.outputs));

const computedBy = ({ nodes }: Graph): ReadonlySet<Value> => new Set(nodes.flatMap(({ outputs }) => outputs));

/** Operands of a node whose memory can be freed: not an input's, a constant's, or that of what the graph around a loop's body has. */
function operands(node: Node, computed: ReadonlySet<Value>): readonly Value[] {
  return [...new Set(node.inputs)].filter((value) => computed.has(value));
}

/** Stable: nodes of the same key stay in their order, so that operands precede. */
function inOrder(graph: Graph, keys: readonly number[]): Graph {
  const order = graph.nodes.map((_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b);
  return new Graph(
    graph.name,
    graph.inputs,
    order.map((i) => graph.nodes[i]!),
    graph.outputs,
  );
}

/** Moves nodes back to their first readers where that does not hold operands of more bytes longer. */
function late(graph: Graph): Graph {
  const computed = computedBy(graph);
  const readers = readersOf(graph);
  const keys = graph.nodes.map((_, i) => i);
  const lastRead = (value: Value, except: number) =>
    Math.max(-1, ...readers.get(value)!.map((at) => (at === except ? -1 : (keys[at] ?? at))));
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    const key = Math.min(...node.outputs.flatMap((output) => readers.get(output) ?? []).map((at) => keys[at] ?? at));
    if (!Number.isFinite(key) || key >= graph.nodes.length) continue;
    const longer = operands(node, computed).filter((value) => lastRead(value, i) < key);
    if (bytes(longer) < takes(node)) keys[i] = key;
  }
  return inOrder(graph, keys);
}

/** Moves nodes forward to their last operand where that frees as many bytes as the results take. */
function early(graph: Graph): Graph {
  const computed = computedBy(graph);
  const readers = readersOf(graph);
  const keys = graph.nodes.map((_, i) => i);
  const made = new Map<Value, number>();
  graph.nodes.forEach((node, i) => {
    const own = operands(node, computed);
    const key = Math.max(-1, ...own.map((value) => made.get(value)!));
    const freed = own.filter((value) => readers.get(value)!.every((at) => at === i || (at < i && keys[at]! <= key)));
    if (own.length > 0 && bytes(freed) >= takes(node)) keys[i] = key;
    for (const output of node.outputs) made.set(output, keys[i]!);
  });
  return inOrder(graph, keys);
}
