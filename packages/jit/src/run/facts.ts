import type { Graph, Value } from "../ir/graph.js";
import { inPlace } from "../passes/in-place.js";
import { bytesOf, lifetimes } from "../passes/liveness.js";
import { fitted, type Traced } from "./compile.js";
import type { Device } from "./device.js";
import { inRunOrder } from "./onnx.js";

/** What a program computes and holds, known before it is opened. */
export interface ProgramFacts {
  /** Operators of the graph as the runtime gets it. */
  readonly nodes: number;
  /** By the definitions of the products and convolutions, however they are computed. */
  readonly multiplyAdds: number;
  /** Bytes that a run holds on `cpu`; a runtime adds what its kernels and its allocator need for themselves. */
  readonly memory: {
    /** Arguments, frozen ones among them. */
    readonly inputs: number;
    readonly frozen: number;
    /** Results that are not written over donated arguments. */
    readonly results: number;
    /** What is computed on the way, at its most, each value from its node to its last reader. */
    readonly intermediates: number;
  };
}

export function factsOf({ graph, multiplyAdds }: Traced, device: Device, donated: ReadonlySet<number>): ProgramFacts {
  const ready = fitted[device](graph);
  const ordered = inRunOrder(ready);
  const over = inPlace(ready, donated);
  const bytes = (values: readonly Value[]) => values.reduce((sum, value) => sum + bytesOf(value), 0);
  return {
    nodes: ready.nodes.length,
    multiplyAdds,
    memory: {
      inputs: bytes(ready.inputs),
      frozen: bytes(ready.inputs.filter(({ frozen }) => frozen)),
      results: bytes(ready.outputs.filter((_, i) => over[i] === undefined)),
      intermediates: peakBetween(ordered),
    },
  };
}

/** Peak of the values between inputs and results, which have memory of their own. */
function peakBetween(graph: Graph): number {
  const { inputs, nodes, outputs } = graph;
  const { storage, lastUse } = lifetimes(graph, { overwriting: true });
  const apart = new Set([...inputs, ...outputs].map(storage));
  let now = 0;
  let most = 0;
  nodes.forEach((node, i) => {
    const touched = [...node.inputs, ...node.outputs].filter(({ data }) => data === undefined).map(storage);
    for (const value of node.outputs) if (storage(value) === value && !apart.has(value)) now += bytesOf(value);
    most = Math.max(most, now);
    for (const value of new Set(touched)) if (lastUse(value) === i && !apart.has(value)) now -= bytesOf(value);
  });
  return most;
}
