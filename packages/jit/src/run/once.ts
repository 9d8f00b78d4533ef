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
  readonly outputs: readonly OutputSpec[];
  /** Frozen inputs of the model, and what each is: so many numbers of another input, by its name, or of a result, by its index. */
  readonly sources: readonly (readonly [name: string, source: string | number, from: number, size: number])[];
}

const specOf = ({ shape, dtype }: OutputSpec): OutputSpec => ({ shape, dtype });

/** `inputs`: how many the whole program has. */
export function onceModel({ once, given, sources }: Parts, { inputs }: Graph): OnceModel {
  return {
    bytes: encodeOnnx(once, { ownResults: true }),
    inputs: once.inputs.map((value, i) => ({ name: `i${given[i]}`, ...specOf(value) })),
    outputs: once.outputs.map(specOf),
    sources: sources.map((source, i) => [
      `i${inputs.length + i}`,
      "input" in source ? `i${source.input}` : source.result,
      source.from,
      source.size,
    ]),
  };
}

/** The weights of a model, by name, with what is computed from them. On the CPU, whatever the device. Throws JIT303. */
export async function withComputed(
  once: OnceModel,
  name: string,
  weights: ReadonlyMap<string, TensorData>,
): Promise<ReadonlyMap<string, TensorData>> {
  const computed = once.outputs.length === 0 ? [] : await compute(once, name, weights);
  const dataOf = (source: string | number) => (typeof source === "string" ? weights.get(source) : computed[source])!;
  const sources = once.sources.map(
    ([input, source, from, size]) => [input, dataOf(source).subarray(from, from + size)] as const,
  );
  return new Map([...weights, ...sources]);
}

async function compute(
  { bytes, inputs, outputs }: OnceModel,
  name: string,
  weights: ReadonlyMap<string, TensorData>,
): Promise<readonly TensorData[]> {
  const session = await openSession({ name, bytes, outputs, optimised: true }, "cpu");
  try {
    const feeds = inputs.map(({ name: input, shape, dtype }, i) => {
      const data = weights.get(input)! as Float32Array;
      return [`i${i}`, new ort.Tensor(dtype as "float32", data, shape)] as const;
    });
    const results = outputs.map(memoryFor);
    await runInto(
      session,
      Object.fromEntries(feeds),
      Object.fromEntries(results.map((result, i) => [`o${i}`, result] as const)),
    );
    return results.map(({ data }) => data as TensorData);
  } finally {
    await session.release();
  }
}
