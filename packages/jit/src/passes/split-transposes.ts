import { type Graph, sizeOf } from "../ir/graph.js";
import { type Rule, rewrite } from "./rewrite.js";

/** Fewer elements are moved in no time. */
const smallest = 1 << 14;

export interface Moves {
  readonly shape: readonly number[];
  readonly perm: readonly number[];
}

/** A transpose without axes of size 1, and with those as one that stay neighbours. */
export function merged(shape: readonly number[], perm: readonly number[]): Moves {
  const runs: number[][] = [];
  for (const axis of perm.filter((axis) => shape[axis] !== 1)) {
    const run = runs.at(-1);
    const next = run && shape.findIndex((size, i) => i > run.at(-1)! && size !== 1);
    if (axis === next) run!.push(axis);
    else runs.push([axis]);
  }
  const inOrder = runs.toSorted((a, b) => a[0]! - b[0]!);
  return {
    shape: inOrder.map((run) => sizeOf(run.map((axis) => shape[axis]!))),
    perm: runs.map((run) => inOrder.indexOf(run)),
  };
}

/**
 * ONNX Runtime moves numbers one by one where a transpose brings another axis to the end and reorders the others, too, such as that of a filter
 * [O, C, K] to [K, C, O]. Two are three to five times quicker: one that only brings the axis to the end, one that moves whole rows. It also
 * knows that only one axis moves just where each axis is one: [2, 3, 0, 1] is an exchange of two.
 */
const split: Rule = ({ op, inputs, outputs, attributes }, b) => {
  const perm = attributes.perm as readonly number[];
  if (op !== "Transpose" || outputs[0]!.size < smallest || movesOne(perm)) return undefined;
  const whole = merged(inputs[0]!.shape, perm);
  const end = whole.perm.at(-1)!;
  const steps = end < whole.shape.length - 1 ? [toEnd(whole.shape, end), rows(whole, end)] : [whole];
  if (steps.length === 1 && whole.shape.length === perm.length) return undefined;
  const moved = steps.reduce((x, { shape, perm }) => b.transpose(b.reshape(x, shape), perm), inputs[0]!);
  return [b.reshape(moved, outputs[0]!.shape)];
};

/** Whether all axes but one keep their order. */
const movesOne = (perm: readonly number[]) =>
  perm.some((moved) => {
    const others = perm.filter((axis) => axis !== moved);
    return others.every((axis, i) => i === 0 || others[i - 1]! < axis);
  });

/** Brings one axis to the end. */
const toEnd = (shape: readonly number[], axis: number) => ({
  shape: [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))],
  perm: [0, 2, 1],
});

/** What is left to do once `end` is the last axis. */
function rows({ shape, perm }: Moves, end: number): Moves {
  const others = shape.map((_, axis) => axis).filter((axis) => axis !== end);
  return merged(
    [...others, end].map((axis) => shape[axis]!),
    [...perm.slice(0, -1).map((axis) => others.indexOf(axis)), others.length],
  );
}

/** Transposes in the form that the CPU runs most quickly. Last, because other passes would make one of two again. */
export function splitTransposes(graph: Graph): Graph {
  return rewrite(graph, [split]);
}
