import { join } from "node:path";
import { type Context, stream } from "@cmmd/core";

/** A context as a stage gives it: weights are files of `folder`. */
export function testContext(folder: string): Context {
  return {
    signal: new AbortController().signal,
    base: folder,
    folder,
    seed: 7,
    computing: {},
    weights: async (source) => join(folder, source),
    random: (purpose, ...counters) => stream(7, purpose, ...counters),
    progress: () => {},
    log: () => {},
    warn: () => {},
  };
}
