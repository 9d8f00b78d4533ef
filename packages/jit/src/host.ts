import type * as tf from "@tensorflow/tfjs";
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

/** Throws JIT301 when the shape is none, or the data do not have as many elements as it says. */
export function checkHostTensor({ shape, data }: HostTensor, place: string): void {
  if (!shape.every((size) => Number.isInteger(size) && size >= 0)) {
    throw new JitError("JIT301", `${place} has shape [${shape}], whose sizes are not whole numbers from 0 on`);
  }
  if (sizeOf(shape) === data.length) return;
  throw new JitError("JIT301", `${place} has shape [${shape}] but ${data.length} elements`);
}

type How = "disposed" | "donated";

/** A result of a program. It stays on its device, and can be given to programs of that device without a copy. */
export class DeviceTensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  #held: ort.Tensor | tf.Tensor | undefined;
  #read: (() => Promise<TensorData>) | undefined;
  #gone: How = "disposed";

  /** Programs make these: from the runtime's tensor, or from tfjs's under engine tfjs, and how to copy its elements. */
  constructor(held: ort.Tensor | tf.Tensor, read: () => Promise<TensorData>) {
    this.shape = "dims" in held ? held.dims : held.shape;
    this.dtype = ("dims" in held ? held.type : held.dtype) as DType;
    this.#held = held;
    this.#read = read;
  }

  /** ONNX Runtime's tensor; throws JIT302 after `dispose` or donation, JIT308 for a result of engine tfjs. */
  get tensor(): ort.Tensor {
    const held = this.#alive();
    if ("dims" in held) return held;
    throw this.#otherEngine("tfjs", "onnx");
  }

  /** TensorFlow.js's tensor; throws JIT302 after `dispose` or donation, JIT308 for a result of engine onnx. */
  get eager(): tf.Tensor {
    const held = this.#alive();
    if (!("dims" in held)) return held;
    throw this.#otherEngine("onnx", "tfjs");
  }

  /** A copy in memory. */
  async read(): Promise<HostTensor> {
    this.#alive();
    return { shape: this.shape, data: await this.#read!() };
  }

  /** Frees the device's memory now. */
  dispose(): void {
    const held = this.#alive();
    this.release("disposed");
    held.dispose();
  }

  /** Ends the use of this tensor, whose memory somebody else reuses or frees from now on. */
  release(how: How): void {
    this.#alive();
    this.#held = undefined;
    this.#read = undefined;
    this.#gone = how;
  }

  #alive(): ort.Tensor | tf.Tensor {
    if (this.#held !== undefined) return this.#held;
    throw new JitError("JIT302", `a device tensor of shape [${this.shape}] was used after it was ${this.#gone}`, {
      hint: "Use the result of the program that it was donated to, or do not donate it.",
    });
  }

  #otherEngine(made: string, asked: string): JitError {
    return new JitError(
      "JIT308",
      `a device tensor of shape [${this.shape}], made by engine ${made}, was given to a program of engine ${asked}`,
      { hint: "Give it what read() returns." },
    );
  }
}
