import { JitError } from "../errors.js";
import type { TensorData, Value } from "../ir/graph.js";
import { leafNames, type Structure } from "../tree.js";
import type { Traced } from "./compile.js";
import { encodeOnnx } from "./onnx.js";

export interface Port {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** A model for any runtime of ONNX. */
export interface OnnxModel {
  readonly bytes: Uint8Array;
  /** What it is fed with; frozen arguments are inside. */
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** Protocol Buffers can hold no more. */
const largest = 2 ** 31 - 2 ** 20;

/** Names that the encoding gives to constants, to what nodes compute, and in the bodies of loops. */
const given = /^(c\d+|n\d+_.*|v\d+_\d+|b\d+_.*)$/;

/** Names of arguments and results, all different as ONNX wants it: `otherwise` for a bare tensor, a number behind a name that is taken. */
function portNames(keys: readonly string[], otherwise: string, taken: Set<string>): readonly string[] {
  return keys.map((key) => {
    const name = key === "" ? otherwise : key;
    const free = (candidate: string) => !taken.has(candidate) && !given.test(candidate);
    let unique = name;
    for (let count = 2; !free(unique); count++) unique = `${name}.${count}`;
    taken.add(unique);
    return unique;
  });
}

export function standardModel(
  { graph, structure }: Traced,
  structures: readonly Structure[],
  weights: ReadonlyMap<string, TensorData>,
): OnnxModel {
  const bytes = [...weights.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (bytes > largest)
    throw new JitError(
      "JIT303",
      `program ${graph.name} has ${(bytes / 2 ** 30).toFixed(1)} GiB of weights, and one ONNX file holds 2 GiB`,
      {
        hint: "Export a smaller model, or its weights as safetensors.",
      },
    );
  const taken = new Set<string>();
  const keys = structures.flatMap((one) => leafNames(one));
  const inputs = portNames(keys, "input", taken);
  const outputs = portNames(leafNames(structure), "output", taken);
  const portsOf = (values: readonly Value[], names: readonly string[]) =>
    values.flatMap(({ shape, dtype, frozen }, i): Port[] => (frozen ? [] : [{ name: names[i]!, shape, dtype }]));
  return {
    bytes: encodeOnnx(graph, { standard: { inputs, outputs, weights } }),
    inputs: portsOf(graph.inputs, inputs),
    outputs: portsOf(graph.outputs, outputs),
  };
}
