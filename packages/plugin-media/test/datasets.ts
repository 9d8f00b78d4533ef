import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DatasetBody, Recording } from "@cmmd/core";
import { testContext } from "./context.js";

/** Folder of the datasets' real lists; undefined, with a printed reason, where it is absent. */
export function realLists(): string | undefined {
  const shared = process.env.CMMD_TEST_DATA ?? fileURLToPath(new URL("../../../../shared/data", import.meta.url));
  const folder = join(shared, "meta");
  if (existsSync(folder)) return folder;
  console.log(`skipped: the datasets' real lists, which are not in "${shared}" (CMMD_TEST_DATA)`);
  return undefined;
}

/** A context whose folder `data` holds the given files, by path. */
export async function folderWith(files: Readonly<Record<string, string>>) {
  const context = await testContext();
  for (const [name, text] of Object.entries(files)) {
    const path = join(context.folder, "data", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return context;
}

/** All recordings of a dataset, media relative to the folder `data`. */
export async function recordingsOf<O>(
  dataset: DatasetBody<O>,
  options: O,
  context: Awaited<ReturnType<typeof testContext>>,
): Promise<Recording[]> {
  const recordings: Recording[] = [];
  const within = join(context.folder, "data").length + 1;
  for await (const recording of dataset.clips(options, context))
    recordings.push({ ...recording, media: recording.media.slice(within) });
  return recordings;
}
