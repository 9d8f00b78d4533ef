import { type Graph, type Node, sameShape, type Value } from "../ir/graph.js";
import { isBinary, isUnary } from "../ir/infer.js";

/**
 * For each result the index of the donated input whose memory it may be written over, or undefined: an input of the same shape and type
 * that nothing reads but nodes which run before the one that writes the result, or that node itself, element by element. Adam's moments
 * are such inputs; weights are not, as the backward pass still reads them when their update is known.
 */
export function inPlace(graph: Graph, donated: ReadonlySet<number>): readonly (number | undefined)[] {
  const producers = new Map<Value, Node>();
  const readers = new Map<Value, Node[]>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) producers.set(output, node);
    for (const input of new Set(node.inputs)) {
      const known = readers.get(input);
      if (known) known.push(node);
      else readers.set(input, [node]);
    }
  }
  const indices = new Map(graph.inputs.map((value, i) => [value, i] as const));
  const results = new Set(graph.outputs);
  const taken = new Set<Value>();
  const over: (number | undefined)[] = graph.outputs.map(() => undefined);
  // Those with the shortest way first: a moment goes over the moment and not, which would do as well, the weight that comes of it.
  const ways = graph.outputs
    .map((output, i) => ({ output, i, before: elementwiseAncestors(output, producers) }))
    .toSorted((a, b) => a.before.nodes.size - b.before.nodes.size);
  for (const { output, i, before } of ways) {
    const fits = [...before.values].find(
      (value) =>
        donated.has(indices.get(value) ?? -1) &&
        !taken.has(value) &&
        !results.has(value) &&
        value.dtype === output.dtype &&
        sameShape(value.shape, output.shape) &&
        readers.get(value)!.every((node) => before.nodes.has(node)),
    );
    if (fits === undefined) continue;
    taken.add(fits);
    over[i] = indices.get(fits);
  }
  return over;
}

/** Nodes by element of the result's shape that lead to it, itself among them, and what they read. */
function elementwiseAncestors(output: Value, producers: ReadonlyMap<Value, Node>) {
  const nodes = new Set<Node>();
  const values = new Set<Value>();
  const visit = (value: Value) => {
    const node = producers.get(value);
    if (node === undefined || nodes.has(node) || !(isUnary(node.op) || isBinary(node.op))) return;
    if (!sameShape(node.outputs[0]!.shape, output.shape)) return;
    nodes.add(node);
    for (const input of node.inputs) {
      values.add(input);
      visit(input);
    }
  };
  visit(output);
  return { nodes, values };
}
