import { createHash } from "node:crypto";
import type { Graph, Value } from "../ir/graph.js";
import { rewrite } from "./rewrite.js";

/** Computes equal expressions once: same operator, attributes and inputs, constants compared by content. */
export function commonSubexpressions(graph: Graph): Graph {
  const ids = new Map<Value, string>();
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

function constantKey({ data, shape, dtype }: Value): string {
  const bytes = new Uint8Array(data!.buffer, data!.byteOffset, data!.byteLength);
  const content = bytes.length <= 32 ? bytes.join(".") : createHash("sha256").update(bytes).digest("base64");
  return `c${dtype}[${shape}]${content}`;
}
