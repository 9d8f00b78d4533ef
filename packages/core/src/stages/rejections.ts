import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CmmdError } from "../errors.js";

/** What could not be used, and why: a line of `rejected.jsonl`. */
export interface Rejection {
  readonly id: string;
  readonly media: string;
  readonly code: string;
  readonly reason: string;
  /** What to do about it. */
  readonly hint?: string;
}

const fileName = "rejected.jsonl";

/** Errors that concern one recording; any other ends the stage. */
const rejectable = /^CMMD(301|302|303|310|311|322|323|324|515)$/;

/** The error when it only means that a recording cannot be used; throws any other. */
export function rejectionOf(error: unknown): CmmdError {
  if (error instanceof CmmdError && rejectable.test(error.code)) return error;
  throw error;
}

/** The list of what was rejected, written as it grows, so that a killed stage need not look at those recordings again. */
export class Rejections {
  readonly #path: string;
  readonly #rows: Rejection[];

  private constructor(path: string, rows: Rejection[]) {
    this.#path = path;
    this.#rows = rows;
  }

  /** Opens the list in `folder` and keeps the lines about recordings for which `stays` holds. */
  static async open(folder: string, stays: (id: string) => boolean): Promise<Rejections> {
    const path = join(folder, fileName);
    const lines = (await readFile(path, "utf8").catch(() => "")).split("\n");
    // What follows the last newline was torn off by a kill.
    const rows = lines.slice(0, -1).map((line) => JSON.parse(line) as Rejection);
    const kept = rows.filter(({ id }) => stays(id));
    await writeFile(path, kept.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return new Rejections(path, kept);
  }

  get rows(): readonly Rejection[] {
    return this.#rows;
  }

  /** Adds a line, and has it on disk when it returns: clips that come later may be indexed at any time. */
  async add({ id, media }: Pick<Rejection, "id" | "media">, { code, message, hint }: CmmdError): Promise<void> {
    const row = { id, media, code, reason: message, ...(hint !== undefined && { hint }) };
    this.#rows.push(row);
    await appendFile(this.#path, `${JSON.stringify(row)}\n`, { flush: true });
  }
}

/** The first of what was rejected, a line each, for an error about all of it. */
export function listRejected(rejected: readonly Rejection[], most = 8): string {
  const lines = rejected.slice(0, most).map(({ id, reason }) => `${id}: ${reason}`);
  if (rejected.length > most) lines.push(`and ${rejected.length - most} more`);
  return lines.join("\n");
}

/** Warns of the first of what was rejected, and says where the rest is. */
export function warnOfRejected(rejected: readonly Rejection[], warn: (message: string) => void, most = 20): void {
  for (const { id, reason, hint } of rejected.slice(0, most))
    warn(`rejected ${id}: ${reason}${hint === undefined ? "" : `. ${hint}`}`);
  if (rejected.length > most) warn(`rejected ${rejected.length - most} more: see ${fileName}`);
}
