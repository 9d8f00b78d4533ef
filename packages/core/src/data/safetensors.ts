import { type FileHandle, open } from "node:fs/promises";
import { CmmdError } from "../errors.js";
import type { NamedTensor, NamedTensors } from "../plugin/tensors.js";
import { writeAtomically } from "./atomic.js";
import { dtypeOf, dtypes } from "./dtypes.js";
import { damaged, type Header, maxHeaderBytes, parseHeader, type TensorEntry } from "./header.js";
import type { TensorPlace } from "./tensor-rows.js";

type Metadata = Readonly<Record<string, string>>;

/**
 * Writes tensors (F32, I32, U8) and textual metadata as one safetensors file, atomically. The same tensors in the same order give the
 * same bytes. Errors of the file system are passed on.
 */
export async function writeSafetensors(path: string, tensors: NamedTensors, metadata: Metadata = {}): Promise<void> {
  const named = Object.entries(tensors);
  for (const [name, { shape, data }] of named) {
    const size = shape.reduce((product, length) => product * length, 1);
    if (size !== data.length) throw new RangeError(`tensor "${name}" of shape [${shape}] has ${data.length} values`);
  }
  const { header, elementBytes } = safetensorsHeader(
    named.map(([name, { shape, data }]) => ({
      name,
      shape,
      dtype: dtypeOf(data),
      bytes: data.byteLength,
      elementBytes: data.BYTES_PER_ELEMENT,
    })),
    metadata,
  );
  const placed = elementBytes.flatMap((bytes) => named.filter(([, { data }]) => data.BYTES_PER_ELEMENT === bytes));
  await writeAtomically(path, [...header, ...placed.map(([, { data }]) => bytesOf(data))]);
}

/** A tensor as a header describes it. */
export interface TensorLayout {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly bytes: number;
  readonly elementBytes: number;
}

/**
 * The header of a file with these tensors, and in which order of element sizes the tensors follow it: those with longer elements first, which
 * keeps every tensor aligned without gaps, which the format forbids; of one size in the order in which they are given.
 */
export function safetensorsHeader(tensors: readonly TensorLayout[], metadata: Metadata = {}) {
  const elementBytes = [...new Set(tensors.map((tensor) => tensor.elementBytes))].sort((a, b) => b - a);
  const offsets = new Map<string, readonly [number, number]>();
  let end = 0;
  for (const size of elementBytes)
    for (const { name, bytes } of tensors.filter((tensor) => tensor.elementBytes === size)) {
      offsets.set(name, [end, end + bytes]);
      end += bytes;
    }
  const header = headerOf({
    ...(Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {}),
    ...Object.fromEntries(
      tensors.map(({ name, shape, dtype }) => [name, { dtype, shape, data_offsets: offsets.get(name) }]),
    ),
  });
  return { header, elementBytes };
}

export const bytesOf = (data: NamedTensor["data"]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** What precedes the tensors: the length of the header, and the header. */
function headerOf(entries: Readonly<Record<string, unknown>>): readonly Uint8Array[] {
  const bytes = Buffer.from(JSON.stringify(entries));
  const padded = Buffer.alloc(Math.ceil(bytes.length / 8) * 8, " ");
  bytes.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return [length, padded];
}

/**
 * The same for F32 tensors that are never in memory at once: `pieces` are the elements of all of them, one tensor after the other in the
 * order of `shapes`, in pieces of any length.
 */
export async function streamSafetensors(
  path: string,
  shapes: Readonly<Record<string, readonly number[]>>,
  pieces: AsyncIterable<Float32Array>,
): Promise<void> {
  let end = 0;
  const entries = Object.entries(shapes).map(([name, shape]) => {
    const from = end;
    end += 4 * shape.reduce((product, length) => product * length, 1);
    return [name, { dtype: "F32", shape, data_offsets: [from, end] }] as const;
  });
  async function* chunks() {
    yield* headerOf(Object.fromEntries(entries));
    let written = 0;
    for await (const piece of pieces) {
      written += piece.byteLength;
      yield bytesOf(piece);
    }
    if (written !== end) throw new RangeError(`${path}: ${written} bytes were given for tensors of ${end}`);
  }
  await writeAtomically(path, chunks());
}

async function readFully(handle: FileHandle, path: string, length: number, position: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(bytes, at, length - at, position + at);
    if (bytesRead === 0) throw damaged(path, `it ends ${length - at} bytes too early`);
    at += bytesRead;
  }
  return bytes.buffer;
}

async function readHeader(handle: FileHandle, path: string): Promise<Header & { readonly dataStart: number }> {
  const { size } = await handle.stat();
  if (size < 8) throw damaged(path, `it has only ${size} bytes`);
  const length = Number(new DataView(await readFully(handle, path, 8, 0)).getBigUint64(0, true));
  if (length > maxHeaderBytes || 8 + length > size)
    throw damaged(path, `its header would take ${length} bytes of ${size}`);
  const json = new TextDecoder().decode(await readFully(handle, path, length, 8));
  return { ...parseHeader(path, json, size - 8 - length), dataStart: 8 + length };
}

async function readEntry(
  handle: FileHandle,
  path: string,
  dataStart: number,
  name: string,
  entry: TensorEntry,
): Promise<NamedTensor> {
  const [begin, end] = entry.data_offsets;
  const buffer = await readFully(handle, path, end - begin, dataStart + begin);
  try {
    return { shape: entry.shape, data: dtypes[entry.dtype]!.read(buffer) };
  } catch (cause) {
    throw new CmmdError("CMMD411", `${path}: tensor "${name}" ${(cause as Error).message}`, {
      hint: "Convert the tensor to 32-bit numbers.",
    });
  }
}

async function withFile<T>(path: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(path, "r");
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

/** All tensors of a file, in its order, and its metadata. Throws CMMD410 for a damaged file before any tensor is read. */
export async function readSafetensors(path: string): Promise<{ tensors: NamedTensors; metadata: Metadata }> {
  return withFile(path, async (handle) => {
    const { entries, metadata, dataStart } = await readHeader(handle, path);
    const tensors: [string, NamedTensor][] = [];
    for (const [name, entry] of entries) tensors.push([name, await readEntry(handle, path, dataStart, name, entry)]);
    return { tensors: Object.fromEntries(tensors), metadata };
  });
}

/** A file whose header is read and checked and whose tensors are read one by one. Keeps no file handle: nothing to close. */
export interface OpenSafetensors {
  readonly metadata: Metadata;
  readonly names: readonly string[];
  read(name: string): Promise<NamedTensor>;
  /** Where a tensor is found again without this object, whose size grows with the number of tensors. */
  place(name: string): TensorPlace;
}

/** Opens a file without loading its tensors. Throws CMMD410 for a damaged file. */
export async function openSafetensors(path: string): Promise<OpenSafetensors> {
  const { entries, metadata, dataStart } = await withFile(path, (handle) => readHeader(handle, path));
  const entryOf = (name: string) => {
    const entry = entries.get(name);
    if (!entry) throw damaged(path, `it has no tensor "${name}"`);
    return entry;
  };
  return {
    metadata,
    names: [...entries.keys()],
    async read(name) {
      const entry = entryOf(name);
      return withFile(path, (handle) => readEntry(handle, path, dataStart, name, entry));
    },
    place(name) {
      const { shape, dtype, data_offsets } = entryOf(name);
      return { path, shape, dtype, start: dataStart + data_offsets[0] };
    },
  };
}
