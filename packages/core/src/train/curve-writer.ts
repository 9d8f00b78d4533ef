import { appendFileSync, writeFileSync } from "node:fs";
import { type CurveRow, curvesPath, readCurves } from "./curves.js";
import { TensorBoardWriter } from "./tensorboard.js";

/** Loss curves as JSON lines (`losses.jsonl`) and TensorBoard events, cut back to the checkpoint when training goes on. */
export class CurveWriter {
  readonly #path: string;
  readonly #board: TensorBoardWriter;

  constructor(folder: string, upTo: number) {
    this.#path = curvesPath(folder);
    const kept = readCurves(folder).filter((row) => row.step <= upTo);
    writeFileSync(this.#path, kept.map((row) => `${JSON.stringify(row)}\n`).join(""));
    this.#board = new TensorBoardWriter(folder);
    for (const row of kept) this.#board.write(row);
  }

  write(row: CurveRow): void {
    appendFileSync(this.#path, `${JSON.stringify(row)}\n`);
    this.#board.write(row);
  }
}
