import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes the entries of a folder (new, renamed, removed files) survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(folder, "r");
  } catch (error) {
    // Windows cannot open folders and needs no sync of them.
    if (process.platform === "win32") return;
    throw error;
  }
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes all of `bytes`; the system may take less at a time. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.byteLength - at);
    at += bytesWritten;
  }
}

/**
 * Writes a file so that a reader sees either nothing (or the old file) or all of it: temporary file beside it, fsync, rename.
 * The temporary name is fixed, so that what a killed process leaves is overwritten by the next attempt.
 */
export async function writeAtomically(
  path: string,
  chunks: Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>,
): Promise<void> {
  const temporary = `${path}.tmp`;
  const handle = await open(temporary, "w");
  try {
    for await (const chunk of chunks) await writeFully(handle, typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}
