import { randomBytes } from "node:crypto";
import { access, chmod, constants, copyFile, rename, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { CmmdError } from "@cmmd/core";

const bundledWarning =
  "no FFmpeg on PATH: using the bundled static build of 2018. Install FFmpeg, or set CMMD_FFMPEG to one, for newer formats and more speed.";
const installHint =
  "Install FFmpeg (ffmpeg.org/download.html) so that it is on PATH, set CMMD_FFMPEG to its path, or run `npm ci` without --omit=optional.";

/**
 * Path of the FFmpeg executable: CMMD_FFMPEG, else `ffmpeg` on PATH, else the build inside @ffmpeg-installer/ffmpeg, about
 * which `warn` is told. Throws CMMD304 when there is none, or when CMMD_FFMPEG names something that cannot be run.
 */
export async function locateFfmpeg(warn: (message: string) => void): Promise<string> {
  const named = process.env.CMMD_FFMPEG;
  if (named) {
    if (await runnable(named)) return named;
    throw new CmmdError("CMMD304", `CMMD_FFMPEG names "${named}", which is not an executable file`, {
      hint: "Set it to the path of the ffmpeg executable, or unset it to search PATH.",
    });
  }
  const found = await onPath();
  if (found) return found;
  const bundled = await bundledFfmpeg();
  warn(bundledWarning);
  return bundled;
}

async function runnable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function onPath(): Promise<string | undefined> {
  const name = process.platform === "win32" ? "ffmpeg.exe" : "ffmpeg";
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    if (folder !== "" && (await runnable(join(folder, name)))) return join(folder, name);
  }
  return undefined;
}

/** Install scripts are off, so nobody has set the run bit; where the folder is read-only, a copy in the temporary folder is run. */
async function bundledFfmpeg(): Promise<string> {
  let path: string;
  try {
    path = (createRequire(import.meta.url)("@ffmpeg-installer/ffmpeg") as { path: string }).path;
  } catch (cause) {
    throw new CmmdError("CMMD304", "no FFmpeg: CMMD_FFMPEG is not set, PATH has none, and none is bundled here", {
      hint: installHint,
      cause,
    });
  }
  if (await runnable(path)) return path;
  try {
    await chmod(path, 0o755);
    return path;
  } catch {
    return runnableCopy(path);
  }
}

async function runnableCopy(path: string): Promise<string> {
  const { size } = await stat(path);
  const copy = join(tmpdir(), `cmmd-ffmpeg-${process.getuid?.() ?? "user"}-${size}`);
  if ((await runnable(copy)) && (await stat(copy)).uid === (process.getuid?.() ?? 0)) return copy;
  const partial = `${copy}-${randomBytes(6).toString("hex")}`;
  await copyFile(path, partial, constants.COPYFILE_EXCL);
  await chmod(partial, 0o755);
  await rename(partial, copy);
  return copy;
}
