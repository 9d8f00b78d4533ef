import type { Renderer } from "./renderer.js";

/** One JSON object per line: the events, then `{ "type": "run", ... }`. */
export function jsonRenderer(): Renderer {
  const print = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
  return {
    event: print,
    note: (message) => process.stderr.write(`${message}\n`),
    close: async () => undefined,
    summary({ record: { id, state, seconds, stages }, computed }) {
      print({ type: "run", id, state, seconds, computed, stages });
    },
  };
}
