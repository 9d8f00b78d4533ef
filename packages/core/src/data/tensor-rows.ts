import { closeSync, openSync, readSync } from "node:fs";
import type { TensorData } from "../plugin/tensors.js";
import { dtypes } from "./dtypes.js";
import { damaged } from "./header.js";

/** Where a tensor stands in a file. */
export interface TensorPlace {
  readonly path: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  /** Bytes of the file before it. */
  readonly start: number;
}

/**
 * Rows `from` to `to` (not included) of the first axis of a tensor, read at once and alone: for whoever takes few of many tensors, in code that
 * cannot wait. Throws CMMD410 when the file has become shorter.
 */
export function readRows(
  { path, shape: [rows = 1, ...row], dtype, start }: TensorPlace,
  from = 0,
  to = rows,
): TensorData {
  const type = dtypes[dtype]!;
  const rowBytes = row.reduce((product, length) => product * length, type.bytes);
  const bytes = new Uint8Array((to - from) * rowBytes);
  const file = openSync(path, "r");
  try {
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(file, bytes, at, bytes.length - at, start + from * rowBytes + at);
      if (read === 0) throw damaged(path, `it ends ${bytes.length - at} bytes too early`);
      at += read;
    }
  } finally {
    closeSync(file);
  }
  return type.read(bytes.buffer);
}
