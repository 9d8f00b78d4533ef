import { Graph, type Node, producersOf, sameShape, Value } from "../ir/graph.js";
import { isBinary } from "../ir/infer.js";
import { dependencies, readersOf } from "./readers.js";

/** A weight's update: what `writer` writes from the weight and from a step that `scaling` scales by a number. */
interface Update {
  readonly writer: Node;
  readonly scaling: Node;
  readonly factor: Value;
  /** What reads the weight besides. */
  readonly readers: readonly Node[];
}

function updatesOf(graph: Graph, donated: ReadonlySet<number>): readonly Update[] {
  const results = new Set(graph.outputs);
  const weights = graph.inputs.filter((value, i) => donated.has(i) && !results.has(value));
  if (weights.length === 0) return [];
  const producers = producersOf(graph.nodes);
  const readers = readersOf(graph, weights);
  return graph.outputs.flatMap((output): Update[] => {
    const writer = producers.get(output);
    if (!writer || !isBinary(writer.op)) return [];
    const [weight, step] = readers.has(writer.inputs[0]!) ? writer.inputs : writer.inputs.toReversed();
    const all = readers.get(weight!);
    const scaling = producers.get(step!);
    const factor = scaling && isBinary(scaling.op) && scaling.inputs.find(({ size }) => size === 1);
    if (!all || !factor || ![weight, step].every((value) => sameShape(value!.shape, output.shape))) return [];
    return [{ writer, scaling, factor, readers: [...all.nodes].filter((node) => node !== writer) }];
  });
}

/**
 * The same graph with updates of donated weights that wait until the weights have been read: the backward pass needs them when their own
 * update is known already. They are written over the weights then (in-place.ts), which saves the memory of all weights, and of writing to
 * memory that is not in the cache. What they wait for is an element of what the reader computes that runs after most others, which joins
 * the number that scales their steps: nothing else is computed later. For the CPU, where barriers are free.
 */
export function lateUpdates(graph: Graph, donated: ReadonlySet<number>): Graph {
  const updates = updatesOf(graph, donated);
  if (updates.length === 0) return graph;
  const waited = new Set(updates.flatMap(({ readers, scaling }) => [...readers, scaling]));
  const depends = dependencies(graph, waited);
  const early = updates.filter(({ writer, readers }) => !readers.every((reader) => depends(writer, reader)));
  const lateBehind = (node: Node) => {
    const ready = (other: Node) => other === node || depends(node, other);
    return early.filter(({ readers, scaling }) => readers.every(ready) && !ready(scaling));
  };
  const reading = new Set(early.flatMap(({ readers }) => readers));
  let last: Node | undefined;
  let late: readonly Update[] = [];
  // From the end, where one reader runs after all others in most programs.
  for (const node of graph.nodes.toReversed()) {
    if (late.length === early.length) break;
    const waiting = reading.has(node) ? lateBehind(node) : [];
    if (waiting.length > late.length) [last, late] = [node, waiting];
  }
  if (last === undefined) return graph;
  const barriers = new Map<Value, Node>();
  const instead = new Map<Node, Node>();
  for (const { scaling, factor } of late) {
    const barrier = barriers.get(factor) ?? {
      op: "Barrier",
      inputs: [factor, last.outputs[0]!],
      attributes: {},
      outputs: [new Value(factor.shape, factor.dtype)],
    };
    barriers.set(factor, barrier);
    const inputs = scaling.inputs.map((input) => (input === factor ? barrier.outputs[0]! : input));
    instead.set(scaling, { ...scaling, inputs });
  }
  return behind(graph, last, [...barriers.values()], instead);
}

/** The graph with `barriers` behind the node `last`, and behind them nodes in the place of others and all that depends on those. */
function behind(graph: Graph, last: Node, barriers: readonly Node[], instead: ReadonlyMap<Node, Node>): Graph {
  const [before, waiting, after] = [[], [], []] as [Node[], Node[], Node[]];
  const moved = new Set<Value>();
  let passed = false;
  for (const node of graph.nodes) {
    const waits = instead.has(node) || node.inputs.some((input) => moved.has(input));
    if (waits) for (const output of node.outputs) moved.add(output);
    const list = passed ? after : waits ? waiting : before;
    list.push(instead.get(node) ?? node);
    passed ||= node === last;
  }
  return new Graph(graph.name, graph.inputs, [...before, ...barriers, ...waiting, ...after], graph.outputs);
}
