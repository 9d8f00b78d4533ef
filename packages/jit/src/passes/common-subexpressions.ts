import { createHash } from "node:crypto";
import type { Graph, TensorData, Value } from "../ir/graph.js";
import { rewrite } from "./rewrite.js";

/** Larger constants are weights, of which each is one array: they are told apart by that array, which costs nothing. */
const largestHashed = 1 << 20;

/** Computes equal expressions once: same operator, attributes and inputs, constants compared by content. */
export function commonSubexpressions(graph: Graph): Graph {
  const ids = new Map<Value, string>();
  const arrays = new Map<TensorData, string>();
  const arrayId = (data: TensorData) => {
    const known = arrays.get(data) ?? `a${arrays.size}`;
    arrays.set(data, known);
    return known;
  };
  const constantKey = ({ data, shape, dtype }: Value) =>
    `c${dtype}[${shape}]${data!.byteLength > largestHashed ? arrayId(data!) : contentKey(data!)}`;
  const id = (value: Value) => {
    const known = ids.get(value);
    if (known !== undefined) return known;
    const fresh = value.data === undefined ? `v${ids.size}` : constantKey(value);
    ids.set(value, fresh);
    return fresh;
  };
  const seen = new Map<string, readonly Value[]>();
  return rewrite(graph, [
    (node) => {
      const key = `${node.op}(${node.inputs.map(id).join(",")})${JSON.stringify(node.attributes)}`;
      const earlier = seen.get(key);
      if (earlier === undefined) seen.set(key, node.outputs);
      return earlier;
    },
  ]);
}

/** Equal for equal bytes. */
export function contentKey(data: TensorData): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return bytes.length <= 32 ? bytes.join(".") : createHash("sha256").update(bytes).digest("base64");
}
