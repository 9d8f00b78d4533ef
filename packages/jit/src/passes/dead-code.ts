import { Graph, type Node, type Value } from "../ir/graph.js";

/** Drops nodes that no result depends on. */
export function deadCode(graph: Graph): Graph {
  const needed = new Set<Value>(graph.outputs);
  const kept: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    kept.push(node);
    for (const input of node.inputs) needed.add(input);
  }
  return new Graph(graph.name, graph.inputs, kept.reverse(), graph.outputs);
}
