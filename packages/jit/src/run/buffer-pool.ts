import type * as ort from "onnxruntime-node";
import type { OutputSpec } from "./session.js";

/** Memory of donated tensors. It holds results of the next run: the state goes back and forth between two buffers. */
export class BufferPool {
  readonly #free = new Map<string, ort.Tensor[]>();
  readonly #counts = new WeakMap<readonly OutputSpec[], ReadonlyMap<string, number>>();

  /** Memory for a result, or null where there is none: the runtime then allocates it. */
  take({ dtype, shape }: OutputSpec): ort.Tensor | null {
    return this.#free.get(`${dtype}[${shape}]`)?.pop() ?? null;
  }

  /** How many of a program's results have each type and shape; counted once, as states may be of a thousand tensors. */
  #countsOf(outputs: readonly OutputSpec[]): ReadonlyMap<string, number> {
    const known = this.#counts.get(outputs);
    if (known) return known;
    const counts = new Map<string, number>();
    for (const { dtype, shape } of outputs) {
      const key = `${dtype}[${shape}]`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    this.#counts.set(outputs, counts);
    return counts;
  }

  /** Keeps a tensor that nobody else uses, as far as results of such a shape can use it; frees it otherwise. */
  give(tensor: ort.Tensor, outputs: readonly OutputSpec[]): void {
    const key = `${tensor.type}[${tensor.dims}]`;
    const free = this.#free.get(key) ?? [];
    const useful = this.#countsOf(outputs).get(key) ?? 0;
    if (tensor.location !== "cpu" || free.length >= useful) {
      tensor.dispose();
      return;
    }
    free.push(tensor);
    this.#free.set(key, free);
  }

  clear(): void {
    this.#free.clear();
  }
}
