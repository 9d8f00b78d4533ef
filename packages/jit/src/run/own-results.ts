import * as ort from "onnxruntime-node";
import { typedArray } from "../ir/builder.js";
import { type DType, sizeOf } from "../ir/graph.js";
import { nativeCall } from "./native-calls.js";
import type { OutputSpec } from "./session.js";

/**
 * Name of a result in front of all others that is no tensor. onnxruntime-node 1.30 copies every result into an array of its own, even those
 * that it was given memory for, one after the other; at this one it stops, and what the run has computed is in the memory given. For the
 * state of a large network the copies took a third of a training step. A version that can return sequences only makes the copies again.
 */
export const unreadResult = "unread";
const stopped = /Non tensor type is temporarily not supported/;

/** Runs a program whose first result is `unreadResult`, with the other results in the memory of `results`, by name. CPU only. */
export async function runInto(
  session: ort.InferenceSession,
  feeds: ort.InferenceSession.FeedsType,
  results: Readonly<Record<string, ort.Tensor>>,
): Promise<void> {
  try {
    await nativeCall(() => session.run(feeds, { [unreadResult]: null, ...results }));
  } catch (cause) {
    if (!stopped.test((cause as Error).message)) throw cause;
  }
}

/** Memory for a result. */
export function memoryFor({ dtype, shape }: OutputSpec): ort.Tensor {
  const data = new typedArray[dtype as DType](sizeOf(shape));
  return new ort.Tensor(dtype as "float32", data as Float32Array, shape);
}
