import type { ProgramFacts } from "@cmmd/jit";
import type { Layout } from "../train/buckets.js";

/** Bytes of a process that has traced and opened a program and not run it: Node, TensorFlow.js and ONNX Runtime, and the graph. */
const idle = ({ nodes }: ProgramFacts) => 130e6 + 17e3 * nodes;

const float32 = 4;

/**
 * Peak of a process that trains: the state, the new weights beside the old ones, the step's own values, and the weights that training began
 * with, which are not collected yet when the second step takes the memory for the new ones. Of several steps in a run (`stepsPerRun`)
 * `facts` are those of one: the batches are there as they were drawn and stacked, and the loop writes nothing over what it is given, and
 * carries the state in memory of its own, that before a step and that after it.
 */
export function trainingMemory(facts: ProgramFacts, { size }: Layout, stepsPerRun = 1): number {
  const { memory } = facts;
  const { inputs, intermediates } = memory;
  const state = 4 * float32 * size;
  const [batches, results, carried] =
    stepsPerRun === 1 ? [0, memory.results, 0] : [(2 * stepsPerRun - 1) * (inputs - state), state, 2 * state];
  return idle(facts) + inputs + batches + results + carried + intermediates + float32 * size;
}

/** What the runtime takes for packing weights beyond what it keeps, as a part of that. */
const packing = 0.2;

/** Of what was computed of the weights and is freed before the first evaluation, the part that the system does not get back: it lies between what stays. */
const scattered = 1 / 3;

/**
 * Peak of a process that samples: either while the program is opened, with the weights as they were read, what was computed of them for the
 * program, and both as the runtime has packed them; or in an evaluation, with its own values and little of what was computed.
 */
export function samplingMemory(facts: ProgramFacts): number {
  const { inputs, computed, packed, results, intermediates } = facts.memory;
  const always = idle(facts) + inputs + (1 + packing) * packed;
  return Math.round(always + Math.max(computed, scattered * computed + results + intermediates));
}
