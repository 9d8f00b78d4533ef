import { mkdir, open, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { CmmdError } from "../errors.js";
import { type NamedTensor, type NamedTensors, sizeOf } from "../plugin/tensors.js";
import { syncFolder, writeFully } from "./atomic.js";
import { type OpenSafetensors, openSafetensors } from "./safetensors.js";
import { Spool } from "./spool.js";

/** A line of `index.jsonl`: a clip, the file that holds its tensors, and whatever else was said about it. */
export interface ShardRow {
  readonly id: string;
  readonly shard: string;
  readonly [field: string]: unknown;
}

const indexName = "index.jsonl";
const shardPattern = /^shard-\d{5,}\.safetensors((\.\d)?\.tmp)?$/;
const shardName = (number: number) => `shard-${String(number).padStart(5, "0")}.safetensors`;
const clipOf = (tensor: string) => tensor.slice(0, tensor.lastIndexOf("."));

interface IndexLine {
  readonly row: ShardRow;
  /** Bytes of the index up to and including this line. */
  readonly end: number;
}

function parseIndex(path: string, text: string): IndexLine[] {
  const lines: IndexLine[] = [];
  let end = 0;
  // What follows the last newline was torn off by a kill.
  for (const line of text.split("\n").slice(0, -1)) {
    end += Buffer.byteLength(line) + 1;
    try {
      lines.push({ row: JSON.parse(line) as ShardRow, end });
    } catch {
      throw new CmmdError("CMMD412", `${path}:${lines.length + 1}: not a line of JSON`, {
        hint: "The index is damaged. Remove the artifact's folder and run again.",
      });
    }
  }
  return lines;
}

async function readIndex(folder: string): Promise<IndexLine[]> {
  const path = join(folder, indexName);
  try {
    return parseIndex(path, await readFile(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** The lines that stay when a writer reopens a folder: those of leading shards that are complete, and were indexed completely. */
async function completeLines(folder: string): Promise<IndexLine[]> {
  const lines = await readIndex(folder);
  const last = lines.at(-1)?.row.shard;
  if (last === undefined) return lines;
  const indexed = new Set(lines.filter(({ row }) => row.shard === last).map(({ row }) => row.id));
  const { names } = await openSafetensors(join(folder, last));
  const complete = new Set(names.map(clipOf)).size === indexed.size;
  return complete ? lines : lines.filter(({ row }) => row.shard !== last);
}

/**
 * Writes clips into shards of some `shardBytes` bytes (`shard-00000.safetensors`, tensors named `<clip id>.<name>`) and an index of one
 * JSON object per clip. A shard is written atomically, and only then indexed; until then its clips wait on disk, so that memory does not
 * grow with the shard. Shard boundaries depend on the order and sizes of the clips alone: a writer that was killed and reopened, given the
 * clips that it does not have, leaves the same bytes as one that was not.
 */
export class ShardWriter {
  readonly #folder: string;
  readonly #shardBytes: number;
  readonly #rows: ShardRow[];
  readonly #ids: Set<string>;
  #shards: number;
  #spool: Spool;
  #unwritten: ShardRow[] = [];

  private constructor(folder: string, shardBytes: number, rows: ShardRow[]) {
    this.#folder = folder;
    this.#shardBytes = shardBytes;
    this.#rows = rows;
    this.#ids = new Set(rows.map(({ id }) => id));
    this.#shards = new Set(rows.map(({ shard }) => shard)).size;
    this.#spool = this.#newSpool();
  }

  /** Opens `folder` for writing; keeps the clips whose shards are complete and drops what a kill left behind. */
  static async open(
    folder: string,
    { shardBytes = 64 << 20 }: { readonly shardBytes?: number } = {},
  ): Promise<ShardWriter> {
    await mkdir(folder, { recursive: true });
    const lines = await completeLines(folder);
    const kept = new Set(lines.map(({ row }) => row.shard));
    for (const name of await readdir(folder))
      if (shardPattern.test(name) && !kept.has(name)) await rm(join(folder, name));
    await (await open(join(folder, indexName), "a")).close();
    await truncate(join(folder, indexName), lines.at(-1)?.end ?? 0);
    return new ShardWriter(
      folder,
      shardBytes,
      lines.map(({ row }) => row),
    );
  }

  /** All clips added so far, in order. */
  get index(): readonly ShardRow[] {
    return [...this.#rows, ...this.#unwritten];
  }

  /** Whether the clip is in the shards or waits for its shard to fill. */
  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Adds a clip; ends the shard when it is full. */
  async add(id: string, tensors: NamedTensors, row: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.#ids.has(id)) throw new Error(`the clip "${id}" was added twice`);
    this.#ids.add(id);
    for (const [name, tensor] of Object.entries(tensors)) {
      if (sizeOf(tensor.shape) !== tensor.data.length)
        throw new RangeError(`tensor "${id}.${name}" of shape [${tensor.shape}] has ${tensor.data.length} values`);
      await this.#spool.add(`${id}.${name}`, tensor);
    }
    this.#unwritten.push({ id, shard: shardName(this.#shards), ...row });
    if (this.#spool.bytes >= this.#shardBytes) await this.cut();
  }

  /** Ends the shard, if there is anything in it: writes it, and indexes its clips. */
  async cut(): Promise<void> {
    if (this.#unwritten.length === 0) return;
    await this.#spool.finish();
    const handle = await open(join(this.#folder, indexName), "a");
    try {
      await writeFully(handle, Buffer.from(this.#unwritten.map((row) => `${JSON.stringify(row)}\n`).join("")));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await syncFolder(this.#folder);
    this.#rows.push(...this.#unwritten);
    this.#unwritten = [];
    this.#shards++;
    this.#spool = this.#newSpool();
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    await this.cut();
  }

  #newSpool(): Spool {
    return new Spool(join(this.#folder, shardName(this.#shards)));
  }
}

/** Shards that are read clip by clip. */
export interface Shards {
  /** Clips in the order in which they were written. */
  readonly index: readonly ShardRow[];
  /** One tensor of a clip. */
  tensor(id: string, name: string): Promise<NamedTensor>;
}

/** Opens the shards of `folder`; nothing is kept open. Throws CMMD410 or CMMD412 when a file is damaged. */
export async function readShards(folder: string): Promise<Shards> {
  const index = (await readIndex(folder)).map(({ row }) => row);
  const shardOf = new Map(index.map(({ id, shard }) => [id, shard]));
  const opened = new Map<string, Promise<OpenSafetensors>>();
  return {
    index,
    async tensor(id, name) {
      const shard = shardOf.get(id);
      if (shard === undefined) throw new Error(`${folder} has no clip "${id}"`);
      const file = opened.get(shard) ?? openSafetensors(join(folder, shard));
      opened.set(shard, file);
      return (await file).read(`${id}.${name}`);
    },
  };
}
