import type { Recording } from "../plugin/clips.js";

/** Seconds between two recordings up to which decoding what lies between costs less than seeking to the picture from which the second can be decoded. */
const near = 3;
/** Recordings of a group: each takes two pipes. */
const most = 16;

/**
 * Recordings in their order, in groups that one run of the decoder can give: spans of one file that follow each other closely, together not
 * longer than `seconds`. Depends on the recordings alone, as what is decoded together may show in the sound.
 */
export function neighbours(recordings: readonly Recording[], seconds: number): readonly (readonly Recording[])[] {
  const groups: Recording[][] = [];
  let [ending, total] = [0, 0];
  for (const recording of recordings) {
    const { media, sound, start = 0, duration = Number.POSITIVE_INFINITY } = recording;
    const group = groups.at(-1);
    const last = group?.at(-1);
    const joins =
      last?.media === media &&
      sound === undefined &&
      last.sound === undefined &&
      start >= (last.start ?? 0) &&
      start <= ending + near &&
      total + duration <= seconds &&
      group!.length < most;
    if (joins) group!.push(recording);
    else groups.push([recording]);
    total = joins ? total + duration : duration;
    ending = joins ? Math.max(ending, start + duration) : start + duration;
  }
  return groups;
}
