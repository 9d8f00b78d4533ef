import { Graph, type Node, sizeOf, Value } from "../ir/graph.js";
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

/** So many numbers of an input of the whole program or of a result of `once`, by its index. */
type Source = ({ readonly input: number } | { readonly result: number }) & {
  readonly from: number;
  readonly size: number;
};

/** Where a value's numbers lie in another one. */
interface Origin {
  readonly value: Value;
  readonly from: number;
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

  const given = graph.inputs.map((input) => (input.frozen ? freshValue(input, false) : input));
  const plain = new Map(graph.inputs.map((input, i) => [input, given[i]!]));
  const shaped = splitTransposes(new Graph(`${graph.name}, once`, given, first.map(reading(plain)), results));
  const origins = originsOf(shaped);
  const computed = [...new Set(origins.map(({ value }) => value))].filter((value) => !given.includes(value));
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
    sources: origins.map(({ value, from }, i) => {
      const index = computed.indexOf(value);
      const place = index < 0 ? { input: given.indexOf(value) } : { result: index };
      return { ...place, from, size: results[i]!.size };
    }),
  };
}

/** The results before they were given other shapes or cut into parts that lie one after the other, both of which ONNX Runtime would copy. */
function originsOf({ nodes, outputs }: Graph): readonly Origin[] {
  const origins = new Map<Value, Origin>();
  const origin = (value: Value): Origin => origins.get(value) ?? { value, from: 0 };
  for (const { op, inputs, outputs, attributes } of nodes) {
    const [x] = inputs as [Value];
    const parts = op === "Split" && sizeOf(x.shape.slice(0, attributes.axis as number)) === 1;
    if (x.data !== undefined || !(parts || op === "Reshape")) continue;
    let { value, from } = origin(x);
    for (const output of outputs) {
      origins.set(output, { value, from });
      from += output.size;
    }
  }
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
