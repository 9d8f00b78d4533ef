export type TensorData = Float32Array | Int32Array | Uint8Array;

/** A tensor in the host's memory, row-major. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Tensors by name, in a stable order: what a safetensors file holds. */
export type NamedTensors = Record<string, NamedTensor>;
