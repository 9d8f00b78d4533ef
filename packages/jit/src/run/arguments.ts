import * as tf from "@tensorflow/tfjs";
import * as ort from "onnxruntime-node";
import { JitError } from "../errors.js";
import { checkHostTensor, DeviceTensor, dtypeOf, type HostTensor, isHostTensor } from "../host.js";
import type { DType } from "../ir/graph.js";
import { traceBackend } from "../trace/backend.js";
import { atPlace } from "../trace/call-site.js";
import { flattenTree, isTensor, type Structure } from "../tree.js";

/** A tensor that a program is called with. */
export type Leaf = HostTensor | DeviceTensor;

/** The leaf of an argument, in the order of all of them. */
export interface Input {
  readonly leaf: Leaf;
  readonly argument: number;
}

const isLeaf = (node: unknown): node is Leaf => node instanceof DeviceTensor || isHostTensor(node);

/** Leaves of all arguments and how each argument nests its own. Throws JIT301 and JIT305. */
export function inputsOf(
  args: readonly unknown[],
  name: string,
): { readonly inputs: readonly Input[]; readonly structures: readonly Structure[] } {
  const inputs: Input[] = [];
  const structures = args.map((arg, argument) => {
    const { leaves, structure } = flattenOrExplain(arg, `argument ${argument} of ${name}`);
    for (const leaf of leaves) inputs.push({ leaf, argument });
    return structure;
  });
  return { inputs, structures };
}

function flattenOrExplain(arg: unknown, place: string) {
  try {
    const flat = flattenTree(arg, isLeaf);
    for (const leaf of flat.leaves) if (!(leaf instanceof DeviceTensor)) checkHostTensor(leaf, place);
    return flat;
  } catch (cause) {
    if (cause instanceof JitError) throw cause;
    throw new JitError("JIT305", `${place}: ${(cause as Error).message}`, {
      cause,
      hint: "Pass { shape, data } with a Float32Array, Int32Array or Uint8Array (of a tf.Tensor t: { shape: t.shape, data: await t.data() }), or a result of a program.",
    });
  }
}

/** What a function returned, which must be no promise. Throws JIT108. */
export function atOnce<R>(result: R, name: string): R {
  if (!(result instanceof Promise)) return result;
  // Nobody waits for it: its failure must not end the process.
  result.catch(() => {});
  throw new JitError("JIT108", `the function of program ${name} is async`, {
    hint: "Trace a function that returns tensors at once.",
  });
}

/** The tensors of what a function returned. Throws JIT305. */
export function resultsOf(result: unknown, name: string): { leaves: tf.Tensor[]; structure: Structure } {
  try {
    return flattenTree(result, isTensor);
  } catch (cause) {
    throw new JitError("JIT305", `the result of ${name}: ${(cause as Error).message}`, {
      cause,
      hint: "Return tensors, or arrays and objects of tensors; of a number n that is tf.scalar(n).",
    });
  }
}

/** Throws JIT114 in a trace or a gradient, which need tensors at once: a program gives promises. */
export function refuseInside(name: string): void {
  if (!traceBackend.tracing && tf.engine().state.gradientDepth === 0) return;
  throw new JitError("JIT114", `program ${name} was called inside a traced function or a gradient${atPlace()}`, {
    hint: "Call the function that was given to jit: it becomes part of the program around it.",
  });
}

export const dtypeOfLeaf = (leaf: Leaf): DType => (leaf instanceof DeviceTensor ? leaf.dtype : dtypeOf(leaf.data));

/** What the runtime is fed with. */
export function runtimeTensor(leaf: Leaf): ort.Tensor {
  if (leaf instanceof DeviceTensor) return leaf.tensor;
  return new ort.Tensor(dtypeOf(leaf.data), leaf.data as Float32Array, leaf.shape);
}
