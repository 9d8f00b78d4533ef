import type { ProgramFacts } from "@cmmd/jit";
import type { Layout } from "../train/buckets.js";

/** Bytes of a process that has traced and opened a program and not run it: Node, TensorFlow.js, ONNX Runtime, the graph. */
const idle = 350e6;
/**
 * What ONNX Runtime's allocator takes for what a graph holds at its peak, as it gives nothing back and cuts its blocks into chunks. Measured
 * (bench/inspect-memory.js) with the 106M network: 1.43 at batch 1, 1.35 at batch 2.
 */
const allocator = 1.4;
const float32 = 4;

/** Peak of a process that trains: the state, the new weights beside the old ones, the step's own values, and the copy that a checkpoint is written from. */
export function trainingMemory({ memory }: ProgramFacts, { size }: Layout): number {
  return idle + memory.inputs + memory.results + allocator * memory.intermediates + size * float32;
}

/** Peak of a process that samples: the weights as they were read and as the runtime has packed them, and an evaluation's own values. */
export function samplingMemory({ memory }: ProgramFacts): number {
  return idle + memory.inputs + memory.frozen + memory.results + allocator * memory.intermediates;
}
