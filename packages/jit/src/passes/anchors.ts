import { Graph, type Node, producersOf, sizeOf, Value } from "../ir/graph.js";
import { bytesOf, lifetimes, memoryPeak } from "./liveness.js";

/** Nodes that keep less than this share of the peak from being freed may as well run later. */
const worthAnchoring = 1e-3;
/** So many nodes later is soon enough. */
const soon = 1024;

/**
 * ONNX Runtime runs a node when something that it has started on needs it, so what reads much and gives little (a bias's gradient, which
 * waits for others that it is put together with) may be left until the end, and with it everything that it reads. Such a node gets an
 * end of the graph of its own behind it: a view that nobody reads.
 */
export function anchor(graph: Graph): Graph {
  const { nodes } = graph;
  const { storage, lastUse } = lifetimes(graph, { overwriting: true });
  const turn = new Map(runOrder(nodes).map((node, i) => [node, i]));
  // Of each node and all behind it, the first one's turn.
  const first = Array<number>(nodes.length + 1).fill(nodes.length);
  for (let i = nodes.length - 1; i >= 0; i--) first[i] = Math.min(first[i + 1]!, turn.get(nodes[i]!)!);
  const held = new Set(graph.inputs);
  const enough = worthAnchoring * memoryPeak(graph).bytes;
  const keeps = (node: Node, i: number) => {
    const own = new Set(node.inputs.map(storage).filter((value) => value.data === undefined && !held.has(value)));
    return bytes([...own].filter((value) => lastUse(value) <= i + soon)) - bytes(node.outputs);
  };
  const anchored = nodes.flatMap((node, i) => {
    const delayed = turn.get(node)! > first[Math.min(i + soon, nodes.length)]!;
    return delayed && keeps(node, i) >= enough ? [node, viewOf(node.outputs[0]!)] : [node];
  });
  return new Graph(graph.name, graph.inputs, anchored, graph.outputs);
}

const bytes = (values: readonly Value[]) => values.reduce((sum, value) => sum + bytesOf(value), 0);

const viewOf = (x: Value): Node => ({
  op: "Flatten",
  inputs: [x],
  attributes: { axis: 0 },
  outputs: [new Value([1, sizeOf(x.shape)], x.dtype)],
});

/** The order in which the runtime runs nodes whose file is in reverse: depth first from the ends, the earliest operand first. */
function runOrder(nodes: readonly Node[]): readonly Node[] {
  const index = new Map(nodes.map((node, i) => [node, i]));
  const producers = producersOf(nodes);
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const earliestFirst = (list: Iterable<Node>) => [...new Set(list)].sort((a, b) => index.get(b)! - index.get(a)!);
  const ends = nodes.filter(({ outputs }) => outputs.every((output) => !read.has(output)));
  const stack = earliestFirst(ends).map((node) => ({ node, entered: false }));
  const seen = new Set<Node>();
  const order: Node[] = [];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (top.entered) order.push(top.node);
    if (seen.has(top.node)) continue;
    seen.add(top.node);
    stack.push({ node: top.node, entered: true });
    const operands = top.node.inputs.flatMap((input) => producers.get(input) ?? []);
    for (const node of earliestFirst(operands)) if (!seen.has(node)) stack.push({ node, entered: false });
  }
  return order;
}
