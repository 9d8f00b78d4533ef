import type { RunEvent } from "@cmmd/core";
import type { Renderer } from "./renderer.js";
import { duration, progressText, summaryText } from "./text.js";

/** Milliseconds between two lines of progress. */
const progressEvery = 5000;

/** What is told about an event as a line, undefined for what a log need not hold. */
function lineOf(event: RunEvent): string | undefined {
  if (event.type === "log") return `${event.stage}: ${event.level === "warn" ? "warning: " : ""}${event.message}`;
  if (event.type !== "stage") return undefined;
  const { stage, state, reason, seconds = 0 } = event;
  const told: Record<typeof state, string | undefined> = {
    hit: reason === undefined ? undefined : `from the store (${reason})`,
    start: `begins${reason ? ` (${reason})` : ""}`,
    done: `done in ${duration(seconds)}`,
    failed: `failed after ${duration(seconds)}`,
    interrupted: `interrupted after ${duration(seconds)}`,
  };
  return told[state] === undefined ? undefined : `${stage}: ${told[state]}`;
}

/** Lines for logs and pipes: progress every few seconds, with the time left. */
export function plainRenderer(): Renderer {
  const artifacts: Record<string, string> = {};
  let progressAt = performance.now();
  const print = (line: string) => process.stdout.write(`${line}\n`);
  return {
    event(event) {
      if (event.type === "artifact") artifacts[event.name] = event.path;
      if (event.type === "progress") {
        if (performance.now() - progressAt < progressEvery) return;
        progressAt = performance.now();
        print(`${event.stage}: ${progressText(event)}`);
        return;
      }
      const line = lineOf(event);
      if (line !== undefined) print(line);
    },
    note: print,
    close: async () => undefined,
    summary(result) {
      if (result.record.state === "done") print(summaryText(result, artifacts));
    },
  };
}
