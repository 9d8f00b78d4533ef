import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TensorBoardWriter } from "./tensorboard.js";

/** One logged step: scalars by name. */
export interface CurveRow {
  readonly step: number;
  readonly [name: string]: number;
}

const fileName = "losses.jsonl";

export function readCurves(folder: string): CurveRow[] {
  const path = join(folder, fileName);
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return line === "" ? [] : [JSON.parse(line) as CurveRow];
      } catch {
        // A line torn by a killed process; the step is logged again.
        return [];
      }
    });
}

/** Loss curves as JSON lines (`losses.jsonl`) and TensorBoard events, cut back to the checkpoint when training goes on. */
export class CurveWriter {
  readonly #path: string;
  readonly #board: TensorBoardWriter;

  constructor(folder: string, upTo: number) {
    this.#path = join(folder, fileName);
    const kept = readCurves(folder).filter((row) => row.step <= upTo);
    writeFileSync(this.#path, kept.map((row) => `${JSON.stringify(row)}\n`).join(""));
    this.#board = new TensorBoardWriter(join(folder, "events.out.tfevents.cmmd"));
    for (const row of kept) this.#board.write(row);
  }

  write(row: CurveRow): void {
    appendFileSync(this.#path, `${JSON.stringify(row)}\n`);
    this.#board.write(row);
  }
}
