import { type Graph, type Node, sameShape, type Value } from "../ir/graph.js";
import { isBinary, isUnary } from "../ir/infer.js";
import { bytesOf, isAlias } from "../passes/liveness.js";

/** Memory that the runtime's plan gives to one value, or to several of them one after the other. */
interface Buffer {
  readonly bytes: number;
  /** Index of the node that writes it first. */
  readonly from: number;
  /** Index of the last node that the plan has for it. */
  until: number;
  /** Readers that are still to come, while the plan is made. */
  readers: number;
  /** Of the first value that is in it, where the runtime knows that beforehand. */
  readonly shape: readonly number[] | undefined;
}

/**
 * Bytes of the process that ONNX Runtime's allocator takes for what a graph computes on the way, its nodes in the order of running: the plan
 * that the runtime makes of the graph, carried out by its allocator, run after run. `open` are the views whose shapes it does not know beforehand; inputs,
 * constants and results have memory of their own. The mean over values that are so many times as large as they are (`margins`).
 */
export function arenaBytes(graph: Graph, open: ReadonlySet<Node>, margins: readonly number[] = [1]): number {
  const buffers = planOf(graph, open);
  const touched = margins.map((margin) => touchedBy(buffers, graph.nodes.length, margin));
  return Math.round(touched.reduce((sum, bytes) => sum + bytes, 0) / margins.length);
}

/** What two runs of so many nodes touch of an arena. */
function touchedBy(buffers: readonly Buffer[], nodes: number, margin: number): number {
  const arena = new Arena();
  // The second run finds all regions there, and uses other parts of them than the first, which had to make them.
  for (let run = 0; run < 2; run++) {
    const ended = Array.from({ length: nodes }, (): Chunk[] => []);
    let next = 0;
    for (const [i, chunks] of ended.entries()) {
      for (; buffers[next]?.from === i; next++) {
        const { bytes, until } = buffers[next]!;
        ended[until]!.push(arena.take(margin * bytes));
      }
      for (const chunk of chunks) arena.give(chunk);
    }
  }
  return arena.touched;
}

/**
 * As the runtime plans them: a view has its operand's buffer; an operator by element writes over an operand of its shape that nobody else
 * reads; any other result takes a buffer of its shape that is not needed any more, however long that was so, and a new one where there is
 * none. All but views ask for known shapes.
 */
function planOf(graph: Graph, open: ReadonlySet<Node>): readonly Buffer[] {
  const readers = new Map<Value, number>();
  for (const { inputs } of graph.nodes) for (const input of inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  const results = new Set(graph.outputs);
  const unknown = new Set<Value>();
  const buffers: Buffer[] = [];
  const held = new Map<Value, Buffer>();
  const free: Buffer[] = [];
  for (const [i, node] of graph.nodes.entries()) {
    const vague = isVague(node, open, unknown);
    for (const output of node.outputs) {
      if (vague) unknown.add(output);
      if (results.has(output)) continue;
      const view = isAlias(node);
      if (view && !held.has(node.inputs[0]!)) continue;
      const over = view ? held.get(node.inputs[0]!) : vague ? undefined : overwritten(node, output, held, unknown);
      const used = over ?? (vague ? undefined : reused(output, free));
      const buffer = used ?? {
        bytes: bytesOf(output),
        from: i,
        until: i,
        readers: 0,
        shape: vague ? undefined : output.shape,
      };
      if (!used) buffers.push(buffer);
      buffer.readers += readers.get(output) ?? 0;
      held.set(output, buffer);
    }
    for (const value of [...node.inputs, ...node.outputs]) {
      const buffer = held.get(value);
      if (buffer) buffer.until = i;
    }
    for (const input of node.inputs) {
      const buffer = held.get(input);
      if (buffer && --buffer.readers === 0 && buffer.shape) free.unshift(buffer);
    }
  }
  return buffers;
}

/** Whether the runtime does not know the shapes of a node's results before it runs. An Unsqueeze of two inputs is a barrier. */
const isVague = (node: Node, open: ReadonlySet<Node>, unknown: ReadonlySet<Value>) =>
  node.op === "Reshape"
    ? open.has(node)
    : (node.op === "Unsqueeze" && node.inputs.length === 2) || node.inputs.some((input) => unknown.has(input));

function overwritten(
  { op, inputs }: Node,
  output: Value,
  held: ReadonlyMap<Value, Buffer>,
  unknown: ReadonlySet<Value>,
): Buffer | undefined {
  if (!isUnary(op) && !isBinary(op)) return undefined;
  const operand = inputs.find(
    (x) =>
      held.get(x)?.readers === 1 && !unknown.has(x) && sameShape(x.shape, output.shape) && x.dtype === output.dtype,
  );
  return operand && held.get(operand);
}

function reused(output: Value, free: Buffer[]): Buffer | undefined {
  if (output.shape.length === 0) return undefined;
  const at = free.findIndex(({ bytes, shape }) => bytes === bytesOf(output) && sameShape(shape!, output.shape));
  return at < 0 ? undefined : free.splice(at, 1)[0];
}

interface Chunk {
  readonly region: Chunk[];
  readonly start: number;
  size: number;
  free: boolean;
}

const smallest = 256;
const firstRegion = 2 ** 20;
const largestRegion = 2 ** 30;
/** A free chunk is cut where at least as much as is asked for is left of it, or so much. */
const mostWasted = 2 ** 27;

/** ONNX Runtime's arena: best fit in regions that double in size and are never given back. */
class Arena {
  readonly #regions: Chunk[][] = [];
  /** Bytes at the start of each region that were written to. */
  readonly #written: number[] = [];
  #next = firstRegion;

  get touched(): number {
    return this.#written.reduce((sum, bytes) => sum + bytes, 0);
  }

  take(bytes: number): Chunk {
    const wanted = Math.max(1, Math.ceil(bytes / smallest)) * smallest;
    const chunk = this.#best(wanted) ?? this.#extend(wanted);
    const { region } = chunk;
    chunk.free = false;
    const left = chunk.size - wanted;
    if (left >= wanted || left >= mostWasted) {
      chunk.size = wanted;
      region.splice(region.indexOf(chunk) + 1, 0, { region, start: chunk.start + wanted, size: left, free: true });
    }
    const r = this.#regions.indexOf(region);
    this.#written[r] = Math.max(this.#written[r]!, chunk.start + wanted);
    return chunk;
  }

  give(chunk: Chunk): void {
    const { region } = chunk;
    chunk.free = true;
    const at = region.indexOf(chunk);
    const after = region[at + 1];
    if (after?.free) {
      chunk.size += after.size;
      region.splice(at + 1, 1);
    }
    const before = region[at - 1];
    if (before?.free) {
      before.size += chunk.size;
      region.splice(at, 1);
    }
  }

  #best(wanted: number): Chunk | undefined {
    let best: Chunk | undefined;
    // Of chunks of the same size the one with the lowest address: the system gives out addresses downwards.
    for (const region of this.#regions.toReversed())
      for (const chunk of region)
        if (chunk.free && chunk.size >= wanted && chunk.size < (best?.size ?? Number.POSITIVE_INFINITY)) best = chunk;
    return best;
  }

  #extend(wanted: number): Chunk {
    let size = this.#next;
    while (size < wanted) size *= 2;
    this.#next = size > this.#next ? size : Math.min(2 * size, largestRegion);
    const region: Chunk[] = [];
    const chunk = { region, start: 0, size, free: true };
    region.push(chunk);
    this.#regions.push(region);
    this.#written.push(0);
    return chunk;
  }
}
