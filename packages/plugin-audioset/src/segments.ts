import { CmmdError, type Context, mediaExtensions, nearest } from "@cmmd/core";

/** Endings of the files that segments may be in: sound files among them where only the sound is used. */
export const endingsFor = (only: Context["only"]) =>
  only === "audio" ? [...mediaExtensions.audio, ...mediaExtensions.video] : mediaExtensions.video;

/** Names that the file of a segment may have, without its ending: the first is where it is looked for first. Times in seconds. */
export function segmentNames(id: string, start: number, end?: number): string[] {
  const byStart = `${id}_${String(Math.floor(start)).padStart(6, "0")}`;
  return end === undefined ? [byStart] : [`${id}_${Math.round(start * 1000)}_${Math.round(end * 1000)}`, byStart];
}

/** Throws CMMD585 for a wanted class that the dataset does not have, with the nearest that it has. */
export function requireClasses(wanted: readonly string[], known: readonly string[]): void {
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const near = unknown.flatMap((name) => nearest(name, known) ?? []);
  throw new CmmdError("CMMD585", `the dataset has no class ${unknown.map((name) => `"${name}"`).join(", ")}`, {
    hint: near.length > 0 ? `Did you mean ${near.map((name) => `"${name}"`).join(", ")}?` : "See its list of classes.",
  });
}

/** A number that a list gives. Throws CMMD581. */
export function secondsOf(text: string, path: string, id: string): number {
  const seconds = Number(text);
  if (text !== "" && seconds >= 0) return seconds;
  throw new CmmdError("CMMD581", `"${path}" is not in the dataset's form: "${text}" is no time, of ${id}`, {
    hint: "It should be in seconds. Download the list again.",
  });
}
