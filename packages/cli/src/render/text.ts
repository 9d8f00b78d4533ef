import { relative } from "node:path";
import type { RunEvent, RunResult } from "@cmmd/core";

type Progress = Extract<RunEvent, { type: "progress" }>;

/** Seconds as people say them: `0.4 s`, `42 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** `120/3000 steps, 2 min 10 s left` */
export function progressText({ done, total, unit, secondsLeft }: Progress): string {
  const left = secondsLeft === undefined || done >= total ? "" : `, ${duration(secondsLeft)} left`;
  return `${done}/${total} ${unit}${left}`;
}

/** Rows as aligned columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const figure = (value: number) => String(Number(value.toPrecision(4)));

/** Metrics of the evaluation, times of the stages and the files worth opening; says so when nothing was computed. */
export function summaryText({ record, computed }: RunResult, artifacts: Readonly<Record<string, string>>): string {
  const parts: string[] = [];
  const metrics = Object.entries(record.stages.find(({ stage }) => stage === "evaluate")?.summary ?? {}).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number",
  );
  if (metrics.length > 0) parts.push(table(metrics.map(([name, value]) => [name, figure(value)])));
  if (computed === 0) parts.push("Nothing was computed: every result is in the store.");
  else
    parts.push(
      table([
        ...record.stages.map(({ stage, state, seconds }) => [
          stage,
          state === "hit" || seconds === undefined ? "from the store" : duration(seconds),
        ]),
        ["in all", duration(record.seconds ?? 0)],
      ]),
    );
  const files = Object.entries(artifacts).map(([name, path]) => {
    const short = relative(process.cwd(), path);
    return `${name}: ${short.startsWith("..") ? path : short}`;
  });
  if (files.length > 0) parts.push(files.join("\n"));
  return parts.join("\n\n");
}
