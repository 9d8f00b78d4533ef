import { createHash } from "node:crypto";
import { readdir, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CmmdError } from "@cmmd/core";
import type { FolderOptions } from "./options.js";

export interface MediaFile {
  /** Relative to the dataset's root, with forward slashes. */
  readonly name: string;
  readonly path: string;
  readonly size: number;
  /** Time of last change, milliseconds. */
  readonly changed: number;
}

/**
 * The folder's media files, sorted by name. Hidden files and folders are left out; links are followed, each folder once. Throws
 * CMMD305 when there is no such folder, CMMD306 when it holds no media.
 */
export async function listFiles(options: FolderOptions, base: string): Promise<MediaFile[]> {
  const root = resolve(base, options.root);
  const found = await stat(root).catch(() => undefined);
  if (!found?.isDirectory())
    throw new CmmdError("CMMD305", `data folder "${root}" ${found ? "is not a folder" : "does not exist"}`, {
      hint: "Set data.root to the folder with your videos; a relative path starts from the pipeline file's folder.",
    });
  const endings = new Set(options.extensions.map((extension) => extension.toLowerCase()));
  const files: MediaFile[] = [];
  const visited = new Set<string>();
  const walk = async (folder: string, prefix: string): Promise<void> => {
    const real = await realpath(folder);
    if (visited.has(real)) return;
    visited.add(real);
    for (const entry of (await readdir(folder)).sort()) {
      if (entry.startsWith(".")) continue;
      const path = join(folder, entry);
      const info = await stat(path).catch(() => undefined);
      if (info?.isDirectory() && options.recursive) await walk(path, `${prefix}${entry}/`);
      else if (info?.isFile() && endings.has(extensionOf(entry)))
        files.push({ name: `${prefix}${entry}`, path, size: info.size, changed: Math.trunc(info.mtimeMs) });
    }
  };
  await walk(root, "");
  if (files.length === 0)
    throw new CmmdError("CMMD306", `data folder "${root}" holds no ${[...endings].join(", ")} files`, {
      hint: "Put videos with sound there, or add their file-name ending to data.extensions.",
    });
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? "" : name.slice(dot + 1).toLowerCase();
}

export function digest(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}

/** An id for each name: the name without its ending, in file-name characters; names that then coincide get a digest of the whole. */
export function recordingIds(names: readonly string[]): string[] {
  const plain = names.map((name) => name.replace(/\.[^./]*$/, "").replace(/[^A-Za-z0-9._-]+/g, "_"));
  const uses = new Map<string, number>();
  for (const id of plain) uses.set(id.toLowerCase(), (uses.get(id.toLowerCase()) ?? 0) + 1);
  return plain.map((id, i) => (uses.get(id.toLowerCase()) === 1 ? id : `${id}-${digest(names[i]!).slice(0, 8)}`));
}
