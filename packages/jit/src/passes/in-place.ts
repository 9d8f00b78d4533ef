import { type Graph, type Node, producersOf, sameShape, type Value } from "../ir/graph.js";
import { isBinary, isUnary } from "../ir/infer.js";
import { dependencies, readersOf } from "./readers.js";

/**
 * For each result the index of the donated input whose memory it may be written over, or undefined: an input of the same shape and type
 * that it is computed from by element, and that nothing else reads but nodes on which the result depends, which have run by then. Adam's
 * moments are such inputs, and weights are when their updates wait for the backward pass: see late-updates.ts.
 */
export function inPlace(graph: Graph, donated: ReadonlySet<number>): readonly (number | undefined)[] {
  const results = new Set(graph.outputs);
  const indices = new Map<Value, number>();
  graph.inputs.forEach((value, i) => {
    if (donated.has(i) && !results.has(value)) indices.set(value, i);
  });
  const over: (number | undefined)[] = graph.outputs.map(() => undefined);
  if (indices.size === 0) return over;
  const producers = producersOf(graph.nodes);
  const readers = readersOf(graph, indices.keys());
  const depends = dependencies(
    graph,
    [...readers.values()].flatMap(({ nodes }) => [...nodes]),
  );
  const fits = (value: Value, output: Value) => {
    const { nodes, names } = readers.get(value)!;
    const writer = producers.get(output)!;
    const byElement = !writer.inputs.some((input) => names.has(input));
    return (
      value.dtype === output.dtype &&
      sameShape(value.shape, output.shape) &&
      [...nodes].every((reader) => (reader === writer ? byElement : depends(writer, reader)))
    );
  };
  const taken = new Set<Value>();
  // Those with the shortest way first: a moment goes over the moment and not, which would do as well, the weight that comes of it.
  const ways = graph.outputs
    .map((output, i) => ({ output, i, before: elementwiseAncestors(output, producers) }))
    .toSorted((a, b) => a.before.nodes.size - b.before.nodes.size);
  for (const { output, i, before } of ways) {
    const place = [...before.values].find((value) => indices.has(value) && !taken.has(value) && fits(value, output));
    if (place === undefined) continue;
    taken.add(place);
    over[i] = indices.get(place);
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
