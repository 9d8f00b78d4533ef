import { createHash } from "node:crypto";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { CmmdError } from "../errors.js";
import type { Split } from "../plugin/clips.js";

/** File-name endings of media, as datasets look for them unless their options say otherwise. */
export const mediaExtensions = {
  video: ["mp4", "mkv", "mov", "avi", "webm"],
  audio: ["wav", "flac", "mp3", "m4a", "ogg", "opus"],
} as const;

export interface MediaFile {
  /** Relative to the dataset's folder, with forward slashes. */
  readonly name: string;
  readonly path: string;
  readonly size: number;
  /** Time of last change, milliseconds. */
  readonly changed: number;
}

/**
 * The media files of the folder `root` (absolute), sorted by name, endings in any case. Hidden files and folders are left out; links
 * are followed, each folder once. Throws CMMD305 when there is no such folder.
 */
export async function listFiles(
  root: string,
  { extensions, recursive }: { readonly extensions: readonly string[]; readonly recursive: boolean },
): Promise<MediaFile[]> {
  await requireFolder(root);
  const endings = new Set(extensions.map((extension) => extension.toLowerCase()));
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
      if (info?.isDirectory() && recursive) await walk(path, `${prefix}${entry}/`);
      else if (info?.isFile() && endings.has(extname(entry).slice(1).toLowerCase()))
        files.push({ name: `${prefix}${entry}`, path, size: info.size, changed: Math.trunc(info.mtimeMs) });
    }
  };
  await walk(root, "");
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Throws CMMD305 unless there is a folder at the absolute path `root`. */
export async function requireFolder(root: string): Promise<void> {
  const found = await stat(root).catch(() => undefined);
  if (!found?.isDirectory())
    throw new CmmdError("CMMD305", `data folder "${root}" ${found ? "is not a folder" : "does not exist"}`, {
      hint: "Set data.root to the folder with your data; a relative path starts from the pipeline file's folder.",
    });
}

/** Path of each file by its name without folder and ending; of several with one name, the first. */
export function byStem(files: readonly MediaFile[]): ReadonlyMap<string, string> {
  return new Map(files.map(({ name, path }) => [basename(name, extname(name)), path] as const).reverse());
}

/** An id for each name: the name without its ending, in file-name characters; names that then coincide get a digest of the whole. */
export function recordingIds(names: readonly string[]): string[] {
  const plain = names.map((name) => name.replace(/\.[^./]*$/, "").replace(/[^A-Za-z0-9._-]+/g, "_"));
  const uses = new Map<string, number>();
  for (const id of plain) uses.set(id.toLowerCase(), (uses.get(id.toLowerCase()) ?? 0) + 1);
  return plain.map((id, i) => (uses.get(id.toLowerCase()) === 1 ? id : `${id}-${digest(names[i]!).slice(0, 8)}`));
}

/**
 * The names that are kept for testing: a fraction, at least one, never all. Chosen by the names alone: the same are held out on every
 * machine and whatever order they are listed in.
 */
export function heldOut(names: readonly string[], holdout: number): ReadonlySet<string> {
  const count = holdout === 0 ? 0 : Math.min(names.length - 1, Math.max(1, Math.round(names.length * holdout)));
  const ranked = names.map((name) => ({ name, rank: digest(name) })).sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return new Set(ranked.slice(0, count).map(({ name }) => name));
}

const splitFolders: Readonly<Record<string, Split>> = {
  train: "train",
  val: "validation",
  validation: "validation",
  test: "test",
};

/** The split that a file's folders name (train, val, validation or test, in any case), the outermost first; undefined when none does. */
export function splitOfPath(name: string): Split | undefined {
  const folders = name.toLowerCase().split("/").slice(0, -1);
  return splitFolders[folders.find((folder) => Object.hasOwn(splitFolders, folder)) ?? ""];
}

const digest = (name: string) => createHash("sha256").update(name).digest("hex");
