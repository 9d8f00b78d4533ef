import { Graph, type Node, Value } from "../ir/graph.js";
import { deadCode } from "./dead-code.js";
import { bytesOf } from "./liveness.js";
import { splitTransposes } from "./split-transposes.js";

/** A frozen program in two parts. */
export interface Parts {
  /** What frozen weights and constants alone decide. Its inputs are some of the whole program's frozen ones. */
  readonly once: Graph;
  /** Their indexes among the inputs of the whole. */
  readonly given: readonly number[];
  /** The rest, with frozen inputs after those of the whole: one for each of `sources`. */
  readonly each: Graph;
  /** Where the numbers of those lie, perhaps in another shape. */
  readonly sources: readonly Source[];
}

/** An input of the whole program or a result of `once`, by its index. */
type Source = { readonly input: number } | { readonly result: number };

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

  const given = graph.inputs.map((input) => (input.frozen ? freshValue(input, false) : input));
  const plain = new Map(graph.inputs.map((input, i) => [input, given[i]!]));
  const shaped = splitTransposes(new Graph(`${graph.name}, once`, given, first.map(reading(plain)), results));
  const origins = originsOf(shaped);
  const computed = [...new Set(origins)].filter((value) => !given.includes(value));
  const { name, nodes } = deadCode(new Graph(shaped.name, given, shaped.nodes, computed));
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const frozen = new Map(results.map((value) => [value, freshValue(value, true)]));
  return {
    once: new Graph(
      name,
      given.filter((input) => read.has(input)),
      nodes,
      computed,
    ),
    given: [...given.keys()].filter((i) => read.has(given[i]!)),
    each: new Graph(
      graph.name,
      [...graph.inputs, ...frozen.values()],
      later.map(reading(frozen)),
      graph.outputs.map((value) => frozen.get(value) ?? value),
    ),
    sources: origins.map((value) =>
      computed.includes(value) ? { result: computed.indexOf(value) } : { input: given.indexOf(value) },
    ),
  };
}

/** The results before they were given other shapes: ONNX Runtime would copy what it shows in another shape as a result. */
function originsOf({ nodes, outputs }: Graph): readonly Value[] {
  const reshapes = nodes.filter(({ op, inputs }) => op === "Reshape" && inputs[0]!.data === undefined);
  const shown = new Map(reshapes.map(({ inputs, outputs }) => [outputs[0]!, inputs[0]!]));
  const origin = (value: Value): Value => (shown.has(value) ? origin(shown.get(value)!) : value);
  return outputs.map(origin);
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
