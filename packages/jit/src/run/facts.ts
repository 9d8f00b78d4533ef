import type { Value } from "../ir/graph.js";
import { inPlace } from "../passes/in-place.js";
import { bytesOf, largeProgram } from "../passes/liveness.js";
import { separateOnce } from "../passes/once.js";
import { arenaBytes } from "./arena.js";
import { fitted, type Traced } from "./compile.js";
import type { Device } from "./device.js";
import { inRunOrder } from "./onnx.js";
import { openViews } from "./open-shapes.js";

/** What a program computes and holds, known before it is opened. */
export interface ProgramFacts {
  /** Operators of the graph as the runtime gets it. */
  readonly nodes: number;
  /** By the definitions of the products and convolutions, however they are computed. */
  readonly multiplyAdds: number;
  /** Bytes that runs take on `cpu`; kernels add what they need for themselves. */
  readonly memory: {
    /** Arguments, frozen ones among them. */
    readonly inputs: number;
    readonly frozen: number;
    /** What frozen arguments alone decide, computed when the program is opened; freed at some time after that. */
    readonly computed: number;
    /** What the runtime keeps of frozen arguments and of what they decide, packed for its kernels. */
    readonly packed: number;
    /** Results that are not written over donated arguments. */
    readonly results: number;
    /** What the runtime's allocator takes for what is computed on the way. */
    readonly intermediates: number;
  };
}

/**
 * The allocator's next region is as large as all before it, and whether it is needed is often a matter of less than this model of the runtime is
 * off: the mean of what values take that are so much larger.
 */
const margins = [1, 1.1];

export function factsOf({ graph, multiplyAdds }: Traced, device: Device, donated: ReadonlySet<number>): ProgramFacts {
  const parts = separateOnce(graph);
  const ready = fitted[device](parts?.each ?? graph, donated);
  const ordered = inRunOrder(ready);
  const over = inPlace(ready, donated);
  const bytes = (values: Iterable<Value>) => [...values].reduce((sum, value) => sum + bytesOf(value), 0);
  const read = new Set(ready.nodes.flatMap(({ inputs }) => inputs.filter(({ frozen }) => frozen)));
  return {
    nodes: ready.nodes.length + (parts?.once.nodes.length ?? 0),
    multiplyAdds,
    memory: {
      inputs: bytes(graph.inputs),
      frozen: bytes(graph.inputs.filter(({ frozen }) => frozen)),
      computed: bytes(parts?.once.outputs ?? []),
      packed: bytes(read),
      results: bytes(ready.outputs.filter((_, i) => over[i] === undefined)),
      intermediates: arenaBytes(ordered, device === "cpu" ? openViews(ordered, largeProgram) : new Set(), margins),
    },
  };
}
