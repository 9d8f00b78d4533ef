import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { TSchema } from "@sinclair/typebox";
import { CmmdError } from "../errors.js";
import type { Used } from "../pipeline/resolved.js";
import type { Described } from "../plugin/components.js";
import { type DownloadOptions, download, publishedOf } from "./hub.js";
import { parseWeightsSource } from "./source.js";

interface Lookup extends Pick<DownloadOptions, "folder" | "signal"> {
  /** Folder that relative paths refer to. */
  readonly base: string;
}

async function existing(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return path;
  throw new CmmdError("CMMD561", `${path}: ${found ? "not a file" : "there is no such file"} to read weights from`, {
    hint: "Paths are relative to the pipeline's folder. Correct it, or fetch the weights: hf://owner/repo.",
  });
}

/** Path of the file that a weights source names, downloaded if need be. Throws CMMD560 to CMMD564. */
export async function weightsFile(source: string, file: string, lookup: Lookup & DownloadOptions): Promise<string> {
  const parsed = parseWeightsSource(source, { base: lookup.base, file });
  return parsed.kind === "file" ? existing(parsed.path) : download(parsed, lookup);
}

/** The hash of what a weights source names, without downloading it: the same for a file and for where it came from. */
async function contentOf(source: string, file: string, lookup: Lookup): Promise<string> {
  const parsed = parseWeightsSource(source, { base: lookup.base, file });
  if (parsed.kind === "hub") return (await publishedOf(parsed, lookup)).hash;
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(await existing(parsed.path))) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}

/** The hashes of all weights that components read, by source: part of a stage's key. Undefined when they read none. */
export async function weightsContent(
  used: readonly Used[],
  described: (used: Used) => Described<TSchema>["weights"],
  lookup: Lookup,
): Promise<Record<string, string> | undefined> {
  const hashes: Record<string, string> = {};
  for (const one of used)
    for (const [option, file] of Object.entries(described(one) ?? {})) {
      const source = one.options[option];
      if (typeof source === "string") hashes[`${one.use}.${option}`] = await contentOf(source, file, lookup);
    }
  return Object.keys(hashes).length > 0 ? hashes : undefined;
}
