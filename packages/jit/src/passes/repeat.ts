import { Builder } from "../ir/builder.js";
import { Graph, Value } from "../ir/graph.js";

/**
 * `times` steps in one Loop. The first `carried` inputs of the step are its state, and so are its first `carried` results, of the same
 * shapes: each round gets what the last one left. Every other input that is not frozen has the inputs of all rounds, stacked in a new
 * first dimension, and so have the other results.
 */
export function repeatSteps(step: Graph, carried: number, times: number): Graph {
  const b = new Builder();
  const inputs = step.inputs.map((value, i) =>
    i < carried || value.frozen ? value : new Value([times, ...value.shape], value.dtype),
  );
  // The state around the loop and the state inside are different values of the same shapes.
  const state = step.inputs.slice(0, carried).map(({ shape, dtype }) => new Value(shape, dtype));
  const round = new Value([], "int64");
  const goOn = new Value([], "bool");
  step.inputs.forEach((value, i) => {
    if (i < carried || value.frozen) return;
    b.add({ op: "Gather", inputs: [inputs[i]!, round], attributes: { axis: 0 }, outputs: [value] });
  });
  for (const node of step.nodes) b.add(node);
  const body = new Graph(step.name, [round, goOn, ...step.inputs.slice(0, carried)], b.nodes, [goOn, ...step.outputs]);
  const outputs = step.outputs.map(({ shape, dtype }, i) => new Value(i < carried ? shape : [times, ...shape], dtype));
  const loop = {
    op: "Loop",
    inputs: [...state, ...inputs.slice(carried)],
    attributes: { times, carried },
    outputs,
    body,
  };
  return new Graph(step.name, [...state, ...inputs.slice(carried)], [loop], outputs);
}
