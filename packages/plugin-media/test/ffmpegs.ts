import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";

function version(path: string): string | undefined {
  try {
    return /version (\S+)/.exec(execFileSync(path, ["-version"], { encoding: "utf8" }))?.[1];
  } catch {
    return undefined;
  }
}

/** Every FFmpeg to test with: the bundled one, the one on PATH, and the one that CMMD_FFMPEG names, as far as they are here. */
export function availableFfmpegs(): { name: string; path: string }[] {
  const bundled = (createRequire(import.meta.url)("@ffmpeg-installer/ffmpeg") as { path: string }).path;
  const candidates = [
    ["bundled", bundled],
    ["on PATH", "ffmpeg"],
    ["CMMD_FFMPEG", process.env.CMMD_FFMPEG],
  ] as const;
  return candidates.flatMap(([name, path]) => {
    const found = path && version(path);
    return found ? [{ name: `${name}, ${found}`, path }] : [];
  });
}
