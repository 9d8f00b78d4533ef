import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { arch, availableParallelism, cpus, platform } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import type { Structure } from "../tree.js";
import type { Device } from "./device.js";
import type { OnceModel } from "./once.js";
import type { Model, OutputSpec } from "./session.js";

export interface CacheOptions {
  /** Folder of the entries; made when missing. Processes may share it. */
  readonly directory: string;
  /**
   * Says what the function is: its code and every option that it depends on, but not the values of its arguments. With a key a program
   * that is in the cache is opened without being traced; without, the function is traced and the graph itself is the key.
   */
  readonly key?: string;
  /** Most bytes of all entries; the least recently used are removed. Default 2 GiB. */
  readonly limit?: number;
}

/** A program as it is kept on disk. Values of frozen arguments are never part of it. */
export interface Entry {
  readonly model: Model;
  readonly structure: Structure;
  /** What the graph holds, for who looks into the file. */
  readonly summary: string;
}

interface Header {
  readonly key: string;
  readonly name: string;
  readonly outputs: readonly OutputSpec[];
  readonly shapes?: readonly (readonly number[])[];
  readonly optimised: boolean;
  /** Its bytes, so many, are between this and the model. */
  readonly once?: Omit<OnceModel, "bytes"> & { readonly length: number };
  readonly structure: Structure;
  readonly summary: string;
}

const defaultLimit = 2 * 2 ** 30;
const magic = "cmmd-jit program 3\n";
const suffix = ".program";
const hashLength = 64;

const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

/** Everything but the program that an optimised model depends on. */
const machine = (device: Device) => [
  ort.env.versions.node ?? ort.env.versions.common,
  platform(),
  arch(),
  cpus()[0]?.model ?? "",
  availableParallelism(),
  device,
];

/** Programs on disk, so that a second process need not trace and optimise. Damage costs time and a warning, never an error. */
export class ProgramCache {
  readonly #directory: string;
  readonly #limit: number;

  constructor({ directory, limit = defaultLimit }: CacheOptions) {
    this.#directory = directory;
    this.#limit = limit;
  }

  /** The name of an entry: `identity` is whatever JSON tells the program from others. */
  name(identity: unknown, device: Device): string {
    return sha256(JSON.stringify([machine(device), identity]));
  }

  /** The entry, or undefined. */
  async read(name: string): Promise<Entry | undefined> {
    const path = this.#path(name);
    let bytes: Buffer;
    try {
      bytes = await readFile(path);
    } catch {
      return undefined;
    }
    try {
      const entry = decode(name, bytes);
      const now = new Date();
      await utimes(path, now, now).catch(() => {});
      return entry;
    } catch (cause) {
      warn(`the cached program ${path} is damaged and is made again: ${(cause as Error).message}`);
      return undefined;
    }
  }

  /** A path of this cache's own for a file on its way. */
  async temporary(): Promise<string | undefined> {
    try {
      await mkdir(this.#directory, { recursive: true });
      return join(this.#directory, `${process.pid}-${randomUUID()}.tmp`);
    } catch (cause) {
      warn(`no program can be kept in ${this.#directory}: ${(cause as Error).message}`);
      return undefined;
    }
  }

  /** Keeps an entry: all of it or nothing, also when processes race. */
  async write(name: string, entry: Entry): Promise<void> {
    const path = await this.temporary();
    if (path === undefined) return;
    try {
      await writeFile(path, encode(name, entry));
      await rename(path, this.#path(name));
      await this.#shrink(name);
    } catch (cause) {
      await rm(path, { force: true });
      warn(`the program ${entry.model.name} could not be kept in ${this.#directory}: ${(cause as Error).message}`);
    }
  }

  /** Drops an entry that turned out not to run. */
  async remove(name: string, cause: unknown): Promise<void> {
    warn(`the cached program ${this.#path(name)} cannot be opened and is made again: ${(cause as Error).message}`);
    await rm(this.#path(name), { force: true });
  }

  async #shrink(kept: string): Promise<void> {
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith(suffix));
    const found = await Promise.all(
      names.map(async (name) => {
        const { size, mtimeMs } = await stat(join(this.#directory, name)).catch(() => ({ size: 0, mtimeMs: 0 }));
        return { name, size, mtimeMs };
      }),
    );
    let total = found.reduce((sum, { size }) => sum + size, 0);
    for (const { name, size } of found.toSorted((a, b) => a.mtimeMs - b.mtimeMs)) {
      if (total <= this.#limit) return;
      if (name === `${kept}${suffix}`) continue;
      await rm(join(this.#directory, name), { force: true });
      total -= size;
    }
  }

  #path(name: string): string {
    return join(this.#directory, `${name}${suffix}`);
  }
}

/** A line that says what the file is, a line with the hash of the rest, a line of JSON, then what is computed once and the model. */
function encode(key: string, { model, structure, summary }: Entry): Buffer {
  const { name, bytes, outputs, shapes, optimised, once } = model;
  const { bytes: first = new Uint8Array(), ...ends } = once ?? {};
  const header = {
    ...{ key, name, outputs, ...(shapes && { shapes }), optimised },
    ...(once && { once: { ...ends, length: first.length } }),
    ...{ structure, summary },
  } as Header;
  const rest = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), first, bytes]);
  return Buffer.concat([Buffer.from(`${magic}${sha256(rest)}\n`), rest]);
}

function decode(expected: string, file: Buffer): Entry {
  const hashAt = magic.length;
  const restAt = hashAt + hashLength + 1;
  if (file.toString("latin1", 0, hashAt) !== magic) throw new Error("it is no program of this version");
  const rest = file.subarray(restAt);
  if (sha256(rest) !== file.toString("latin1", hashAt, hashAt + hashLength)) throw new Error("its check sum differs");
  const end = rest.indexOf("\n");
  const header = JSON.parse(rest.toString("utf8", 0, end)) as Header;
  const { key, name, outputs, shapes, optimised, once, structure, summary } = header;
  if (key !== expected) throw new Error("it belongs to another program");
  const from = end + 1 + (once?.length ?? 0);
  const model = {
    ...{ name, bytes: rest.subarray(from), outputs, ...(shapes && { shapes }), optimised },
    ...(once && { once: { ...once, bytes: rest.subarray(end + 1, from) } }),
  };
  return { model, structure, summary };
}

function warn(message: string): void {
  process.emitWarning(message, "JitWarning");
}
