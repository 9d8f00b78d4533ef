import * as ort from "onnxruntime-node";
import { JitError } from "../errors.js";
import { checkHostTensor, DeviceTensor, dtypeOf, type HostTensor, isHostTensor } from "../host.js";
import type { DType } from "../ir/graph.js";
import { flattenTree, type Structure } from "../tree.js";

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
      hint: "Pass { shape, data } with a Float32Array, Int32Array or Uint8Array, or a result of a program.",
    });
  }
}

export const dtypeOfLeaf = (leaf: Leaf): DType => (leaf instanceof DeviceTensor ? leaf.dtype : dtypeOf(leaf.data));

/** What the runtime is fed with. */
export function runtimeTensor(leaf: Leaf): ort.Tensor {
  if (leaf instanceof DeviceTensor) return leaf.tensor;
  return new ort.Tensor(dtypeOf(leaf.data), leaf.data as Float32Array, leaf.shape);
}
