import * as ort from "onnxruntime-node";
import type { Graph, TensorData } from "../ir/graph.js";
import type { Parts } from "../passes/once.js";
import { encodeOnnx } from "./onnx.js";
import { memoryFor, runInto } from "./own-results.js";
import { type OutputSpec, openSession } from "./session.js";

/** The part of a model that is computed when it is opened: see passes/once.ts. */
export interface OnceModel {
  readonly bytes: Uint8Array;
  /** Its inputs, by the names that they have in the model. */
  readonly inputs: readonly (OutputSpec & { readonly name: string })[];
  /** Its results. */
  readonly outputs: readonly (OutputSpec & { readonly name: string })[];
}

const specOf = ({ shape, dtype }: OutputSpec): OutputSpec => ({ shape, dtype });

/** `inputs`: how many the whole program has. */
export function onceModel({ once, given }: Parts, { inputs }: Graph): OnceModel {
  return {
    bytes: encodeOnnx(once, { ownResults: true }),
    inputs: once.inputs.map((value, i) => ({ name: `i${given[i]}`, ...specOf(value) })),
    outputs: once.outputs.map((value, i) => ({ name: `i${inputs.length + i}`, ...specOf(value) })),
  };
}

/** The weights of a model, by name, with what is computed from them. On the CPU, whatever the device. Throws JIT303. */
export async function withComputed(
  { bytes, inputs, outputs }: OnceModel,
  name: string,
  weights: ReadonlyMap<string, TensorData>,
): Promise<ReadonlyMap<string, TensorData>> {
  const session = await openSession({ name, bytes, outputs, optimised: true }, "cpu");
  try {
    const feeds = inputs.map(({ name: input, shape, dtype }, i) => {
      const data = weights.get(input)! as Float32Array;
      return [`i${i}`, new ort.Tensor(dtype as "float32", data, shape)] as const;
    });
    const results = outputs.map((output, i) => [`o${i}`, memoryFor(output)] as const);
    await runInto(session, Object.fromEntries(feeds), Object.fromEntries(results));
    return new Map([
      ...weights,
      ...outputs.map(({ name: output }, i) => [output, results[i]![1].data as TensorData] as const),
    ]);
  } finally {
    await session.release();
  }
}
