import { Graph, type Node, Value } from "../ir/graph.js";
import { bytesOf } from "./liveness.js";

/** A frozen program in two parts. */
export interface Parts {
  /** What frozen weights and constants alone decide. Its inputs are some of the whole program's frozen ones. */
  readonly once: Graph;
  /** Their indexes among the inputs of the whole. */
  readonly given: readonly number[];
  /** The rest: the results of `once` are frozen inputs of it, after those of the whole. */
  readonly each: Graph;
}

/** Less than this is left to the runtime. */
const worthSeparating = 1 << 20;

/**
 * Separates what is the same in every run: weights in the layout of their use, transformed filters. Computed by a session of its own it
 * takes a third of the time that ONNX Runtime takes to fold it node by node. Undefined when it is little.
 */
export function separateOnce(graph: Graph): Parts | undefined {
  if (!graph.inputs.some(({ frozen }) => frozen) || graph.nodes.some(({ body }) => body)) return undefined;
  const once = computedOnce(graph);
  const isOnce = ({ outputs }: Node) => once.has(outputs[0]!);
  const [first, later] = [graph.nodes.filter(isOnce), graph.nodes.filter((node) => !isOnce(node))];
  const needed = new Set([...later.flatMap(({ inputs }) => inputs), ...graph.outputs]);
  const results = [...once].filter((value) => needed.has(value));
  if (results.reduce((sum, value) => sum + bytesOf(value), 0) < worthSeparating) return undefined;
  if (results.some(({ dtype }) => dtype === "int64" || dtype === "float16")) return undefined;

  const read = new Set(first.flatMap(({ inputs }) => inputs));
  const given = [...graph.inputs.keys()].filter((i) => read.has(graph.inputs[i]!));
  const plain = new Map(given.map((i) => [graph.inputs[i]!, freshValue(graph.inputs[i]!, false)]));
  const frozen = new Map(results.map((value) => [value, freshValue(value, true)]));
  return {
    once: new Graph(`${graph.name}, once`, [...plain.values()], first.map(reading(plain)), results),
    given,
    each: new Graph(
      graph.name,
      [...graph.inputs, ...frozen.values()],
      later.map(reading(frozen)),
      graph.outputs.map((value) => frozen.get(value) ?? value),
    ),
  };
}

/** Values that follow from constants and frozen weights alone. */
function computedOnce(graph: Graph): ReadonlySet<Value> {
  const once = new Set<Value>();
  for (const { inputs, outputs } of graph.nodes)
    if (inputs.every((input) => input.data !== undefined || input.frozen || once.has(input)))
      for (const value of outputs) once.add(value);
  return once;
}

const freshValue = ({ shape, dtype }: Value, frozen: boolean) => new Value(shape, dtype, undefined, frozen);

const reading = (instead: ReadonlyMap<Value, Value>) => (node: Node) => ({
  ...node,
  inputs: node.inputs.map((input) => instead.get(input) ?? input),
});
