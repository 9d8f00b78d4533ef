import type * as ort from "onnxruntime-node";
import { JitError } from "./errors.js";
import type { DType, TensorData } from "./ir/graph.js";
import { sizeOf } from "./ir/graph.js";

/** A tensor in memory, row-major. The array's type is the dtype: float32, int32, or bool (0 and 1). */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export function dtypeOf(data: TensorData): DType {
  if (data instanceof Float32Array) return "float32";
  return data instanceof Int32Array ? "int32" : "bool";
}

export function isHostTensor(node: unknown): node is HostTensor {
  if (typeof node !== "object" || node === null || !("data" in node) || !("shape" in node)) return false;
  return (
    (node.data instanceof Float32Array || node.data instanceof Int32Array || node.data instanceof Uint8Array) &&
    Array.isArray(node.shape)
  );
}

/** Throws JIT301 when the data do not have as many elements as the shape says. */
export function checkHostTensor({ shape, data }: HostTensor, place: string): void {
  if (sizeOf(shape) === data.length) return;
  throw new JitError("JIT301", `${place} has shape [${shape}] but ${data.length} elements`);
}

/** Copies a tensor that is on a device. */
export type Reader = (tensor: ort.Tensor) => Promise<TensorData>;

/** A result of a program. It stays on its device, and can be given to programs of that device without a copy. */
export class DeviceTensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  #tensor: ort.Tensor | undefined;
  #gone = "";
  readonly #reader: Reader;

  /** Programs make these. */
  constructor(tensor: ort.Tensor, reader: Reader) {
    this.shape = tensor.dims;
    this.dtype = tensor.type as DType;
    this.#tensor = tensor;
    this.#reader = reader;
  }

  /** The runtime's tensor; throws JIT302 after `dispose` or donation. */
  get tensor(): ort.Tensor {
    if (this.#tensor !== undefined) return this.#tensor;
    throw new JitError("JIT302", `a device tensor of shape [${this.shape}] was used after it was ${this.#gone}`, {
      hint: "Use the result of the program that it was donated to, or do not donate it.",
    });
  }

  /** A copy in memory. */
  async read(): Promise<HostTensor> {
    return { shape: this.shape, data: await this.#reader(this.tensor) };
  }

  /** Frees the device's memory now. */
  dispose(): void {
    this.release("disposed").dispose();
  }

  /** Gives the tensor away to who will reuse or free it. */
  release(how: "disposed" | "donated"): ort.Tensor {
    const tensor = this.tensor;
    this.#tensor = undefined;
    this.#gone = how;
    return tensor;
  }
}
