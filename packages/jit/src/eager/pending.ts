import { createHash } from "node:crypto";
import { Tensor } from "onnxruntime-node";
import { Builder } from "../ir/builder.js";
import { type DType, Graph, type Node, type TensorData, Value } from "../ir/graph.js";
import { optimise } from "../passes/optimise.js";
import { openSync, type SyncProgram } from "./native-session.js";

/** Programs kept open; the least recently used is closed. */
const mostPrograms = 128;

/**
 * Operations that were asked for and not computed yet. A node is held by its results alone, so that what no tensor needs any more is
 * collected like any other object.
 */
export class PendingGraph extends Builder {
  readonly #producers = new WeakMap<Value, Node>();
  readonly #results = new WeakMap<Value, Tensor>();
  readonly #programs = new Map<string, SyncProgram>();
  /** Nodes recorded since the last evaluation. */
  recorded = 0;
  /** Programs opened so far. */
  opened = 0;

  /** Programs that are open. */
  get open(): number {
    return this.#programs.size;
  }

  override add(node: Node): void {
    this.recorded++;
    for (const output of node.outputs) this.#producers.set(output, node);
  }

  override producer(value: Value): Node | undefined {
    return this.#producers.get(value);
  }

  /** A value with known elements that is an input of programs, not a constant in them. */
  input(shape: readonly number[], dtype: DType, data: TensorData): Value {
    const value = new Value([...shape], dtype);
    this.#results.set(value, new Tensor(dtype, data as Float32Array, shape));
    return value;
  }

  /** The elements of a value that is known: an input, a constant, or evaluated. */
  known(value: Value): TensorData | undefined {
    return value.data ?? (this.#results.get(value)?.data as TensorData | undefined);
  }

  /** Computes all the values with one program. */
  evaluate(values: readonly Value[]): void {
    const { graph, inputs } = this.#collect(values);
    const program = this.#program(graph);
    const results = program.run(Object.fromEntries(inputs.map((input, i) => [`i${i}`, this.#results.get(input)!])));
    values.forEach((value, i) => {
      this.#results.set(value, results[`o${i}`]!);
      this.#producers.delete(value);
    });
    this.recorded = 0;
  }

  /** Closes all programs. */
  dispose(): void {
    for (const program of this.#programs.values()) program.dispose();
    this.#programs.clear();
  }

  /** What the values depend on, in execution order. Not recursive: chains of operations may be long. */
  #collect(values: readonly Value[]): { readonly graph: Graph; readonly inputs: readonly Value[] } {
    const seen = new Set<Value | Node>();
    const inputs: Value[] = [];
    const nodes: Node[] = [];
    const stack: (Value | Node)[] = values.toReversed();
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      if (!(top instanceof Value)) {
        nodes.push(top);
        continue;
      }
      if (seen.has(top) || top.data !== undefined) continue;
      seen.add(top);
      const node = this.#results.has(top) ? undefined : this.#producers.get(top);
      if (node === undefined) {
        inputs.push(top);
        continue;
      }
      if (seen.has(node)) continue;
      seen.add(node);
      // The node comes after all that its inputs bring.
      stack.push(node, ...node.inputs.toReversed());
    }
    return { graph: new Graph("eager", inputs, nodes, values), inputs };
  }

  #program(graph: Graph): SyncProgram {
    const key = keyOf(graph);
    let program = this.#programs.get(key);
    if (program === undefined) {
      program = openSync(optimise(graph));
      this.opened++;
    }
    this.#programs.delete(key);
    this.#programs.set(key, program);
    if (this.#programs.size > mostPrograms) {
      const [oldest, unused] = this.#programs.entries().next().value!;
      this.#programs.delete(oldest);
      unused.dispose();
    }
    return program;
  }
}

/** Equal for graphs that compute the same from inputs of the same shapes. */
function keyOf(graph: Graph): string {
  const hash = createHash("sha256");
  const ids = new Map<Value, number>();
  const id = (value: Value): number => {
    const known = ids.get(value);
    if (known !== undefined) return known;
    ids.set(value, ids.size);
    if (value.data !== undefined) {
      hash.update(`${value.dtype}[${value.shape}]=`);
      hash.update(new Uint8Array(value.data.buffer, value.data.byteOffset, value.data.byteLength));
    }
    return ids.size - 1;
  };
  for (const input of graph.inputs) hash.update(`${id(input)}:${input.dtype}[${input.shape}];`);
  for (const { op, inputs, attributes, outputs } of graph.nodes) {
    const attribute = Object.entries(attributes).map(([name, setting]) => `${name}=${setting}`);
    hash.update(`${outputs.map(id)}=${op}(${inputs.map(id)})${attribute.join("|")};`);
  }
  return hash.update(`>${graph.outputs.map(id)}`).digest("base64");
}
