import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a folder and those above it, one by one: where one cannot be made, `recursive` of Node's own says ENOENT for a read-only file system and
 * never ends in /proc; this throws the true reason.
 */
export async function makeFolder(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) return;
  if (!there && dirname(path) !== path) await makeFolder(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (there || (error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
