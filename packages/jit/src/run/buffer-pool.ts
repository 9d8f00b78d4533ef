import type * as ort from "onnxruntime-node";
import type { OutputSpec } from "./session.js";

/** Memory of donated tensors. It holds results of the next run: the state goes back and forth between two buffers. */
export class BufferPool {
  readonly #free = new Map<string, ort.Tensor[]>();

  /** Memory for a result, or null where there is none: the runtime then allocates it. */
  take({ dtype, shape }: OutputSpec): ort.Tensor | null {
    return this.#free.get(`${dtype}[${shape}]`)?.pop() ?? null;
  }

  /** Keeps a tensor that nobody else uses, as far as results of such a shape can use it; frees it otherwise. */
  give(tensor: ort.Tensor, outputs: readonly OutputSpec[]): void {
    const key = `${tensor.type}[${tensor.dims}]`;
    const free = this.#free.get(key) ?? [];
    const useful = outputs.filter(({ dtype, shape }) => `${dtype}[${shape}]` === key).length;
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
