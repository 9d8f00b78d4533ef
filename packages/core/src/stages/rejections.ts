import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CmmdError } from "../errors.js";

/** What could not be used, and why: a line of `rejected.jsonl`. */
export interface Rejection {
  readonly id: string;
  readonly media: string;
  readonly code: string;
  readonly reason: string;
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
  async add(row: Rejection): Promise<void> {
    this.#rows.push(row);
    await appendFile(this.#path, `${JSON.stringify(row)}\n`, { flush: true });
  }
}
