import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Context, stream } from "@cmmd/core";

/** A context as a stage gives it, with what was logged and warned. */
export async function testContext(): Promise<Context & { readonly logged: string[]; readonly warned: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), "cmmd-media-"));
  const logged: string[] = [];
  const warned: string[] = [];
  return {
    signal: new AbortController().signal,
    base: folder,
    folder,
    seed: 7,
    computing: {},
    weights: (source) => Promise.resolve(join(folder, source)),
    random: (purpose, ...counters) => stream(7, purpose, ...counters),
    progress: () => {},
    log: (message) => logged.push(message),
    warn: (message) => warned.push(message),
    logged,
    warned,
  };
}
