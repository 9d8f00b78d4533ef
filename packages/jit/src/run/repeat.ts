import type * as tf from "@tensorflow/tfjs";
import { JitError } from "../errors.js";
import { type Graph, sameShape } from "../ir/graph.js";
import { repeatSteps } from "../passes/repeat.js";
import type { InputSpec } from "../trace/backend.js";
import { flattenTree, isTensor, leafNames, type Structure, unflattenTree } from "../tree.js";

const hint =
  "With repeat: K the function takes (state, ...inputs of one step) and returns { state, ... }; the program takes inputs stacked in a first dimension of K.";

/** What one step sees of the inputs of K steps: the first argument is the state, the others are stacked. Throws JIT307. */
export function stepSpecs(
  specs: readonly InputSpec[],
  argumentOf: (input: number) => number,
  times: number,
  name: string,
): InputSpec[] {
  return specs.map((spec, i) => {
    if (argumentOf(i) === 0 || spec.frozen) return spec;
    if (spec.shape[0] === times) return { ...spec, shape: spec.shape.slice(1) };
    throw new JitError(
      "JIT307",
      `argument ${argumentOf(i)} of ${name} has shape [${spec.shape}], not ${times} steps' values`,
      { hint },
    );
  });
}

/** A step's result with its state in front, in the order of the state that the step takes. Throws JIT307. */
export function stateFirst(result: unknown, taken: Structure, name: string): unknown {
  if (typeof result !== "object" || result === null || !("state" in result)) {
    throw new JitError("JIT307", `the function of the repeated program ${name} returns no state`, { hint });
  }
  const { state, ...others } = result;
  const { leaves, structure } = flattenTree(state, isTensor);
  const [before, after] = [leafNames(taken), leafNames(structure)];
  const lost = before.filter((leaf) => !after.includes(leaf));
  const added = after.filter((leaf) => !before.includes(leaf));
  if (lost.length + added.length > 0) {
    const differences = [...lost.map((leaf) => `without ${leaf}`), ...added.map((leaf) => `with ${leaf}`)];
    throw new JitError("JIT307", `the state of ${name} comes out of a step ${differences.join(", ")}`, { hint });
  }
  const inOrder = before.map((leaf) => leaves[after.indexOf(leaf)]!);
  return { state: unflattenTree<tf.Tensor>(taken, inOrder), ...others };
}

/** The program of `times` steps. Throws JIT307 when the state that a step returns is not like the one it takes. */
export function repeated(step: Graph, carried: number, times: number): Graph {
  for (let i = 0; i < carried; i++) {
    const [before, after] = [step.inputs[i]!, step.outputs[i]];
    if (after && after.dtype === before.dtype && sameShape(after.shape, before.shape)) continue;
    throw new JitError(
      "JIT307",
      `tensor ${i} of the state of ${step.name} is ${before.dtype}[${before.shape}] before a step and ${after ? `${after.dtype}[${after.shape}]` : "nothing"} after it`,
      { hint },
    );
  }
  return repeatSteps(step, carried, times);
}
