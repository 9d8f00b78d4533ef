import type { TensorData } from "../plugin/tensors.js";

interface Dtype {
  /** Bytes per element. */
  readonly bytes: number;
  /** Elements of the file's bytes, which are aligned to 8. Exact but for F64, which is rounded to single precision. */
  read(buffer: ArrayBuffer): TensorData;
}

function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function int64(buffer: ArrayBuffer): Int32Array {
  const wide = new BigInt64Array(buffer);
  const narrow = Int32Array.from(wide, Number);
  if (wide.some((value, i) => BigInt(narrow[i]!) !== value))
    throw new RangeError("holds 64-bit integers beyond 32 bits");
  return narrow;
}

/** How the types of a safetensors file are read; what JavaScript lacks becomes the nearest type that holds it. */
export const dtypes: Readonly<Record<string, Dtype>> = {
  F32: { bytes: 4, read: (buffer) => new Float32Array(buffer) },
  I32: { bytes: 4, read: (buffer) => new Int32Array(buffer) },
  U8: { bytes: 1, read: (buffer) => new Uint8Array(buffer) },
  BOOL: { bytes: 1, read: (buffer) => new Uint8Array(buffer) },
  I8: { bytes: 1, read: (buffer) => Int32Array.from(new Int8Array(buffer)) },
  I16: { bytes: 2, read: (buffer) => Int32Array.from(new Int16Array(buffer)) },
  I64: { bytes: 8, read: int64 },
  F64: { bytes: 8, read: (buffer) => Float32Array.from(new Float64Array(buffer)) },
  F16: { bytes: 2, read: (buffer) => Float32Array.from(new Uint16Array(buffer), float16) },
  BF16: {
    bytes: 2,
    read: (buffer) => new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer),
  },
};

/** The type that an array is written as. */
export function dtypeOf(data: TensorData): "F32" | "I32" | "U8" {
  if (data instanceof Float32Array) return "F32";
  return data instanceof Int32Array ? "I32" : "U8";
}
