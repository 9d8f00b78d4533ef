import { Builder } from "../ir/builder.js";
import { Graph, type Node, type Value } from "../ir/graph.js";

/** What a rule may put in place of a node's outputs; undefined keeps the node. Its inputs are rewritten already. */
export type Rule = (node: Node, b: Builder, uses: (value: Value) => number) => readonly Value[] | undefined;

/** One walk over the graph in execution order that offers every node to the rules, first match wins. */
export function rewrite(graph: Graph, rules: readonly Rule[]): Graph {
  const builder = new Builder();
  const replaced = new Map<Value, Value>();
  const current = (value: Value) => replaced.get(value) ?? value;
  // Counts of the graph before the walk: an upper bound for values that survive it.
  const counts = new Map<Value, number>();
  for (const node of graph.nodes) for (const input of node.inputs) counts.set(input, (counts.get(input) ?? 0) + 1);
  for (const output of graph.outputs) counts.set(output, (counts.get(output) ?? 0) + 1);
  const original = new Map<Value, Value>();
  const uses = (value: Value) => counts.get(original.get(value) ?? value) ?? 0;

  for (const node of graph.nodes) {
    const inputs = node.inputs.map(current);
    const mapped = inputs.every((input, i) => input === node.inputs[i]) ? node : { ...node, inputs };
    const outputs = rules.reduce<readonly Value[] | undefined>(
      (found, rule) => found ?? rule(mapped, builder, uses),
      undefined,
    );
    if (outputs === undefined) builder.add(mapped);
    else {
      node.outputs.forEach((output, i) => {
        replaced.set(output, outputs[i]!);
        if (!original.has(outputs[i]!)) original.set(outputs[i]!, output);
      });
    }
  }
  return new Graph(graph.name, graph.inputs, builder.nodes, graph.outputs.map(current));
}
