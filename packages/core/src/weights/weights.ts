import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TSchema } from "@sinclair/typebox";
import { CmmdError } from "../errors.js";
import { suggestion } from "../pipeline/nearest.js";
import type { Used } from "../pipeline/resolved.js";
import type { Described, Json } from "../plugin/components.js";
import { pipelinesOf } from "../store/runs.js";
import { Store } from "../store/store.js";
import { averagedFile, trainerFile } from "../train/checkpoint.js";
import { fromRun } from "../train/origin.js";
import { type DownloadOptions, download, publishedOf } from "./hub.js";
import { parseWeightsSource } from "./source.js";

export interface Lookup extends Pick<DownloadOptions, "folder" | "signal"> {
  /** Folder that relative paths refer to. */
  readonly base: string;
}

/** The file of a path: itself, or of a folder the one that weights are called; of one that training wrote, its averaged weights. */
async function existing(path: string, file: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return path;
  const inside = join(path, existsSync(join(path, trainerFile)) ? averagedFile : file);
  if (found?.isDirectory() && (await stat(inside).catch(() => undefined))?.isFile()) return inside;
  throw new CmmdError(
    "CMMD561",
    `${path}: ${found ? `is not a file, and holds no ${file}` : "there is no such file"} to read weights from`,
    { hint: "Paths are relative to the pipeline's folder. Correct it, or fetch the weights: hf://owner/repo." },
  );
}

/** The newest weights of a pipeline's training in the store that downloads are kept in. */
export function trainedBy(run: string, { folder }: Lookup) {
  const store = new Store(dirname(folder));
  const missing = (_: string, why: string, hint: string) =>
    new CmmdError("CMMD561", `runs:${run} ${why}`, { hint, exitCode: 2 });
  const found = fromRun(run, store, missing);
  if (found) return found;
  const name = run.replace(/@\d+$/, "");
  const others = pipelinesOf(store).filter((other) => other !== name);
  const known = others.length > 0 ? ` ${suggestion(name, others, "pipelines in the store")}` : "";
  const hint = `Train it in the same store first: cmmd run ${name}.yaml.${known}`;
  throw missing(run, `names no pipeline of the store ${store.root} that was trained`, hint);
}

/** Path of the file that a weights source names, downloaded if need be; `file` is what weights are called in a folder or a repository. Throws CMMD560 to CMMD564. */
export async function weightsFile(source: string, file: string, lookup: Lookup & DownloadOptions): Promise<string> {
  const parsed = parseWeightsSource(source, { base: lookup.base, file });
  if (parsed.kind === "hub") return download(parsed, lookup);
  return existing(parsed.kind === "run" ? trainedBy(parsed.run, lookup).path : parsed.path, file);
}

/** The hash of what a weights source names, without downloading it: the same for a file and for where it came from. */
async function contentOf(source: string, file: string, lookup: Lookup): Promise<Json> {
  const parsed = parseWeightsSource(source, { base: lookup.base, file });
  if (parsed.kind === "hub") return (await publishedOf(parsed, lookup)).hash;
  if (parsed.kind === "run") return trainedBy(parsed.run, lookup).content;
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(await existing(parsed.path, file))) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}

/** The hashes of all weights that components read, by source: part of a stage's key. Undefined when they read none. */
export async function weightsContent(
  used: readonly Used[],
  described: (used: Used) => Pick<Described<TSchema>, "weights" | "shipped">,
  lookup: Lookup,
): Promise<Record<string, Json> | undefined> {
  const hashes: Record<string, Json> = {};
  for (const one of used) {
    const { weights = {}, shipped = {} } = described(one);
    for (const [option, file] of Object.entries(weights)) {
      const own = shipped[option];
      const source = one.options[option] ?? (own && existsSync(own) ? own : undefined);
      if (typeof source === "string") hashes[`${one.use}.${option}`] = await contentOf(source, file, lookup);
    }
  }
  return Object.keys(hashes).length > 0 ? hashes : undefined;
}
