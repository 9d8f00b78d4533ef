import { CmmdError, type Frames } from "@cmmd/core";

/** Patches of a picture of the given size. Throws CMMD309 when they do not tile it. */
export function grid(
  height: number,
  width: number,
  patch: number,
): { readonly rows: number; readonly columns: number } {
  if (height % patch !== 0 || width % patch !== 0)
    throw new CmmdError(
      "CMMD309",
      `pictures of ${width}x${height} pixels cannot be cut into patches of ${patch}x${patch}`,
      {
        hint: "Choose a size under prepare.video (`resize`) that is a multiple of the patch.",
        exitCode: 2,
      },
    );
  return { rows: height / patch, columns: width / patch };
}

/** Copies one patch into `out` [patch, patch, 3], values in [-1, 1]. */
export function readPatch(
  frames: Frames,
  frame: number,
  row: number,
  column: number,
  patch: number,
  out: Float64Array,
): void {
  for (let y = 0, i = 0; y < patch; y++) {
    const line = ((frame * frames.height + row * patch + y) * frames.width + column * patch) * 3;
    for (let x = 0; x < patch * 3; x++) out[i++] = frames.data[line + x]! / 127.5 - 1;
  }
}

/** The inverse of `readPatch`: rounds to the nearest of the 256 levels. */
export function writePatch(
  values: Float64Array,
  frames: Frames,
  frame: number,
  row: number,
  column: number,
  patch: number,
): void {
  for (let y = 0, i = 0; y < patch; y++) {
    const line = ((frame * frames.height + row * patch + y) * frames.width + column * patch) * 3;
    for (let x = 0; x < patch * 3; x++) {
      const level = Math.round((values[i++]! + 1) * 127.5);
      frames.data[line + x] = Math.max(0, Math.min(255, level));
    }
  }
}
