import type { ProgramFacts } from "@cmmd/jit";
import type { Layout } from "../train/buckets.js";

/** Bytes of a process that has traced and opened a program and not run it: Node, TensorFlow.js, ONNX Runtime, the graph. */
const idle = 350e6;

const float32 = 4;

/**
 * Peak of a process that trains: the state, the new weights beside the old ones, the step's own values, and the weights that training began
 * with, which are not collected yet when the second step takes the memory for the new ones.
 */
export function trainingMemory({ memory }: ProgramFacts, { size }: Layout): number {
  return idle + memory.inputs + memory.results + memory.intermediates + float32 * size;
}

/**
 * Peak of a process that samples: the weights as they were read, what was computed of them for the program, and both as the runtime has packed
 * them, and an evaluation's own values.
 */
export function samplingMemory({ memory }: ProgramFacts): number {
  return idle + memory.inputs + memory.computed + memory.packed + memory.results + memory.intermediates;
}
