import { appendFile, open, rm } from "node:fs/promises";
import type { NamedTensor } from "../plugin/tensors.js";
import { writeAtomically } from "./atomic.js";
import { dtypeOf } from "./dtypes.js";
import { bytesOf, safetensorsHeader, type TensorLayout } from "./safetensors.js";

/** Bytes that are copied at a time. */
const pieceBytes = 4 << 20;

/**
 * Collects the tensors of a safetensors file on disk, as the header, which comes first, is known only with the last of them. What waits is in
 * files beside `path`, one for each size of elements, and nothing is kept open: a killed process leaves those files and no more.
 */
export class Spool {
  readonly #path: string;
  readonly #tensors: TensorLayout[] = [];
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Bytes of the tensors so far. */
  get bytes(): number {
    return this.#bytes;
  }

  async add(name: string, { shape, data }: NamedTensor): Promise<void> {
    const layout = { name, shape, dtype: dtypeOf(data), bytes: data.byteLength, elementBytes: data.BYTES_PER_ELEMENT };
    this.#tensors.push(layout);
    this.#bytes += data.byteLength;
    await appendFile(this.#file(layout.elementBytes), bytesOf(data));
  }

  /** Writes the file, atomically: the same bytes that `writeSafetensors` gives. Removes what waited. */
  async finish(): Promise<void> {
    const { header, elementBytes } = safetensorsHeader(this.#tensors);
    const files = elementBytes.map((bytes) => this.#file(bytes));
    await writeAtomically(this.#path, chunks(header, files));
    for (const file of files) await rm(file);
  }

  #file(elementBytes: number): string {
    return `${this.#path}.${elementBytes}.tmp`;
  }
}

async function* chunks(header: readonly Uint8Array[], files: readonly string[]): AsyncGenerator<Uint8Array> {
  yield* header;
  const piece = new Uint8Array(pieceBytes);
  for (const file of files) {
    const handle = await open(file, "r");
    try {
      for (;;) {
        const { bytesRead } = await handle.read(piece);
        if (bytesRead === 0) break;
        yield piece.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  }
}
