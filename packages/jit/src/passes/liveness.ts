import type { Graph, Node, Value } from "../ir/graph.js";
import { isBinary, isUnary } from "../ir/infer.js";

/** Bytes of an element. */
const width = { bool: 1, float16: 2, float32: 4, int32: 4, int64: 8 } as const;

/** Results of these are their first input by another name. */
const aliases: ReadonlySet<string> = new Set(["Barrier", "Identity", "Reshape"]);

/** What a program holds in memory when it holds most. */
export interface MemoryPeak {
  /** All of it: inputs, results and what is computed on the way. */
  readonly bytes: number;
  /** Inputs and constants alone, which are held throughout. */
  readonly held: number;
  /** Index of the node that runs then. */
  readonly node: number;
  /** Values that are held besides inputs and constants, largest first. */
  readonly live: readonly Value[];
}

/** Whether a node's result is its first operand under another name. */
export const isAlias = ({ op }: Node): boolean => aliases.has(op);

export const bytesOf = ({ size, dtype }: Value): number => size * width[dtype];

/**
 * The most memory that a graph needs when its nodes run in the given order and each value is freed after its last use: a lower bound of
 * what a runtime takes, which adds what its allocator rounds up and its kernels need for themselves.
 */
export function memoryPeak(graph: Graph): MemoryPeak {
  const storage = storageOf(graph);
  const constants = new Set(graph.nodes.flatMap(({ inputs }) => inputs.filter(({ data }) => data !== undefined)));
  const held = new Set<Value>([...graph.inputs, ...constants]);
  const last = lastUses(graph, storage);
  const fixed = [...held].reduce((sum, value) => sum + bytesOf(value), 0);
  const live = new Set<Value>();
  let bytes = fixed;
  let peak: MemoryPeak = { bytes, held: fixed, node: 0, live: [] };
  graph.nodes.forEach((node, i) => {
    for (const output of node.outputs) {
      if (storage.get(output) !== output || live.has(output)) continue;
      live.add(output);
      bytes += bytesOf(output);
    }

    if (bytes > peak.bytes) {
      peak = { bytes, held: fixed, node: i, live: [...live] };
    }
    for (const value of new Set([...node.inputs, ...node.outputs].map((value) => storage.get(value) ?? value))) {
      if (last.get(value) === i && live.delete(value)) bytes -= bytesOf(value);
    }
  });
  return { ...peak, live: peak.live.toSorted((a, b) => bytesOf(b) - bytesOf(a)) };
}

/** The value whose memory each value lies in. An operator by element writes over an operand of the same size that nothing else needs. */
function storageOf(graph: Graph): Map<Value, Value> {
  const storage = new Map<Value, Value>();
  const uses = new Map<Value, number>();
  const results = new Set(graph.outputs);
  for (const node of graph.nodes) for (const input of node.inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
  const fixed = new Set(graph.inputs);
  for (const node of graph.nodes) {
    const source = isAlias(node) ? node.inputs[0]! : overwritten(node, uses, fixed);
    node.outputs.forEach((output, i) => {
      const shared = i === 0 && source !== undefined && !results.has(output) && source.data === undefined;
      storage.set(output, shared ? (storage.get(source) ?? source) : output);
      // What has another name may be needed under it, too.
      if (shared && isAlias(node)) uses.set(output, (uses.get(output) ?? 0) + (uses.get(source) ?? 0) - 1);
    });
  }
  return storage;
}

function overwritten(node: Node, uses: ReadonlyMap<Value, number>, fixed: ReadonlySet<Value>): Value | undefined {
  if (!isUnary(node.op) && !isBinary(node.op)) return undefined;
  const [output] = node.outputs as [Value];
  return node.inputs.find(
    (input) => uses.get(input) === 1 && !fixed.has(input) && input.size === output.size && input.dtype === output.dtype,
  );
}

function lastUses(graph: Graph, storage: ReadonlyMap<Value, Value>): Map<Value, number> {
  const last = new Map<Value, number>();
  graph.nodes.forEach((node, i) => {
    for (const value of [...node.inputs, ...node.outputs]) last.set(storage.get(value) ?? value, i);
  });
  for (const output of graph.outputs) last.set(storage.get(output) ?? output, graph.nodes.length);
  return last;
}
