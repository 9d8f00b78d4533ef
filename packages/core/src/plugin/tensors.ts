export type TensorData = Float32Array | Int32Array | Uint8Array;

/** A tensor in the host's memory, row-major. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Tensors by name, in a stable order: what a safetensors file holds. */
export type NamedTensors = Record<string, NamedTensor>;

/** Number of elements. */
export const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
