import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Context, stream } from "@cmmd/core";

/** A context as a stage gives it, in a folder of its own; weights are files of folders in it. */
export async function testContext(): Promise<Context> {
  const folder = await mkdtemp(join(tmpdir(), "cmmd-melgan-"));
  return {
    signal: new AbortController().signal,
    base: folder,
    folder,
    seed: 7,
    computing: {},
    weights: async (source, file) => join(folder, source, file),
    random: (purpose, ...counters) => stream(7, purpose, ...counters),
    progress: () => {},
    log: () => {},
    warn: () => {},
  };
}
