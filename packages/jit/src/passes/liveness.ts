import type { Graph, Node, Value } from "../ir/graph.js";
import { isBinary, isUnary } from "../ir/infer.js";

/** Bytes of an element. */
const width = { bool: 1, float16: 2, float32: 4, int32: 4, int64: 8 } as const;

/** Results of these are their first input by another name. */
const aliases: ReadonlySet<string> = new Set(["Barrier", "Flatten", "Identity", "Reshape", "Unsqueeze"]);

export const bytesOf = ({ size, dtype }: Value): number => size * width[dtype];

/** Whether a node's result is its first operand under another name. */
export const isAlias = ({ op }: Node): boolean => aliases.has(op);

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

/** Bytes that a program computes on the way and holds at its peak, from which less memory is worth more time. */
export const largeProgram = 2 ** 31;

/**
 * The most memory that a graph needs when its nodes run in the given order and each value is freed after its last use: a lower bound of
 * what a runtime takes, which adds what its allocator rounds up and its kernels need for themselves.
 */
export function memoryPeak(graph: Graph): MemoryPeak {
  const { storage, lastUse } = lifetimes(graph, { overwriting: true });
  const heldValues = new Set(graph.inputs);
  for (const { inputs } of graph.nodes) for (const input of inputs) if (input.data !== undefined) heldValues.add(input);
  let held = 0;
  for (const value of heldValues) held += bytesOf(value);
  let now = held;
  let bytes = held;
  let peak = 0;
  const freed = new Set<Value>();
  graph.nodes.forEach((node, i) => {
    for (const output of node.outputs) if (storage(output) === output) now += bytesOf(output);
    if (now > bytes) [bytes, peak] = [now, i];
    for (const values of [node.inputs, node.outputs]) {
      for (const value of values) {
        const place = storage(value);
        if (lastUse(place) !== i || heldValues.has(place) || freed.has(place)) continue;
        freed.add(place);
        now -= bytesOf(place);
      }
    }
  });
  return {
    bytes,
    held,
    node: peak,
    get live() {
      const made = graph.nodes.slice(0, peak + 1).flatMap(({ outputs }) => outputs);
      const live = made.filter((value) => storage(value) === value && lastUse(value) >= peak);
      return live.toSorted((a, b) => bytesOf(b) - bytesOf(a));
    },
  };
}

/** Whether a graph computes at least so many bytes on the way that it holds at its peak. */
export function isLarge(graph: Graph, bytes = largeProgram): boolean {
  let all = 0;
  for (const node of graph.nodes) if (!isAlias(node)) for (const output of node.outputs) all += bytesOf(output);
  if (all < bytes) return false;
  const peak = memoryPeak(graph);
  return peak.bytes - peak.held >= bytes;
}

/** Where values lie, and how long. */
export interface Lifetimes {
  /** The value whose memory a value lies in. */
  storage(value: Value): Value;
  /** Index of the last node that needs the memory of a value; the number of nodes for results. */
  lastUse(value: Value): number;
}

/** With `overwriting`, operators by element write over an operand of the same size that nothing else needs. */
export function lifetimes(graph: Graph, { overwriting }: { readonly overwriting: boolean }): Lifetimes {
  const places = placesOf(graph, overwriting);
  const storage = (value: Value) => places.get(value) ?? value;
  const last = new Map<Value, number>();
  graph.nodes.forEach((node, i) => {
    for (const value of [...node.inputs, ...node.outputs]) last.set(storage(value), i);
  });
  for (const output of graph.outputs) last.set(storage(output), graph.nodes.length);
  return { storage, lastUse: (value) => last.get(storage(value)) ?? -1 };
}

function placesOf(graph: Graph, overwriting: boolean): ReadonlyMap<Value, Value> {
  const places = new Map<Value, Value>();
  const uses = new Map<Value, number>();
  const results = new Set(graph.outputs);
  const inputs = new Set(graph.inputs);
  for (const node of graph.nodes) for (const input of node.inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
  for (const output of results) uses.set(output, (uses.get(output) ?? 0) + 1);
  for (const node of graph.nodes) {
    const source = isAlias(node) ? node.inputs[0]! : overwriting ? overwritten(node, uses, inputs) : undefined;
    const [output] = node.outputs as [Value];
    if (source === undefined || source.data !== undefined || results.has(output)) continue;
    places.set(output, places.get(source) ?? source);
    // What has another name may be needed under it, too.
    if (isAlias(node)) uses.set(output, uses.get(output)! + uses.get(source)! - 1);
  }
  return places;
}

function overwritten(node: Node, uses: ReadonlyMap<Value, number>, inputs: ReadonlySet<Value>): Value | undefined {
  if (!isUnary(node.op) && !isBinary(node.op)) return undefined;
  const [output] = node.outputs as [Value];
  return node.inputs.find(
    (x) => uses.get(x) === 1 && !inputs.has(x) && x.size === output.size && x.dtype === output.dtype,
  );
}
