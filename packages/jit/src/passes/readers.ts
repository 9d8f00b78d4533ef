import { type Graph, type Node, producersOf, type Value } from "../ir/graph.js";
import { isBinary } from "../ir/infer.js";
import { isAlias } from "./liveness.js";

/** What reads the memory of a value, and the other names under which it does. */
export interface Readers {
  readonly nodes: ReadonlySet<Node>;
  readonly names: ReadonlySet<Value>;
}

/**
 * The readers of each value, with those of results that ONNX Runtime may not compute but leave to their readers, as it does with transposes
 * and factors of products.
 */
export function readersOf(graph: Graph, values: Iterable<Value>): ReadonlyMap<Value, Readers> {
  const readers = new Map(Array.from(values, (value) => [value, { nodes: new Set<Node>(), names: new Set<Value>() }]));
  const sources = new Map<Value, readonly Value[]>(Array.from(readers.keys(), (value) => [value, [value]]));
  for (const node of graph.nodes) {
    // The body of a loop may read values of the graph around it.
    const inputs = [...node.inputs, ...(node.body?.nodes.flatMap((inner) => inner.inputs) ?? [])];
    const read = [...new Set(inputs.flatMap((input) => sources.get(input) ?? []))];
    if (read.length === 0) continue;
    const moved = isAlias(node) || node.op === "Transpose";
    const scaled = isBinary(node.op) && node.inputs.some(({ size }) => size === 1);
    for (const value of read) {
      const { nodes, names } = readers.get(value)!;
      nodes.add(node);
      const named = moved || (scaled && node.inputs.some((input) => names.has(input)));
      for (const output of named ? node.outputs : []) names.add(output);
    }
    for (const output of moved || scaled ? node.outputs : []) sources.set(output, read);
  }
  return readers;
}

/** Whether a node runs after one of `before` because it depends on it. */
export function dependencies({ nodes }: Graph, before: Iterable<Node>): (node: Node, other: Node) => boolean {
  const index = new Map(Array.from(new Set(before), (node, i) => [node, i]));
  const words = Math.ceil(index.size / 32);
  const producers = producersOf(nodes);
  const known = new Map<Node, Uint32Array>();
  for (const node of nodes) {
    const bits = new Uint32Array(words);
    for (const input of node.inputs) {
      const operand = producers.get(input);
      if (operand === undefined) continue;
      const behind = known.get(operand)!;
      for (let word = 0; word < words; word++) bits[word]! |= behind[word]!;
      const at = index.get(operand);
      if (at !== undefined) bits[at >> 5]! |= 1 << (at & 31);
    }
    known.set(node, bits);
  }
  return (node, other) => {
    const at = index.get(other)!;
    return ((known.get(node)![at >> 5]! >>> (at & 31)) & 1) === 1;
  };
}
