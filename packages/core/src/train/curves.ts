import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One logged step: scalars by name. */
export interface CurveRow {
  readonly step: number;
  readonly [name: string]: number;
}

export const curvesPath = (folder: string) => join(folder, "losses.jsonl");

/** The rows of `losses.jsonl`, in order; none when there is no such file. */
export function readCurves(folder: string): CurveRow[] {
  const path = curvesPath(folder);
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
