import type { Shown } from "@cmmd/core";
import { duration, table } from "./text.js";

/** Classes shown; the rest is counted. */
const shownClasses = 12;

type Counted = readonly { readonly value: string; readonly recordings: number }[];

const listed = (counts: Counted) =>
  counts.length === 1 ? counts[0]!.value : counts.map(({ value, recordings }) => `${value} (${recordings})`).join(", ");

/** A dataset's survey as lines of text. */
export function surveyText(dataset: string, shown: Shown, path: (file: string) => string): string {
  const length = (hours: number) => duration(hours * 3600);
  const rejected = shown.rejected.reduce((sum, { recordings }) => sum + recordings, 0);
  const parts = [
    table([
      ["dataset", dataset],
      ["recordings", `${shown.recordings} in ${shown.files} files`],
      ["clips", `${shown.clips}, cut out of ${length(shown.hours)}`],
      ...shown.splits.map(({ value, recordings, clips, hours }) => [
        `  ${value}`,
        `${clips} clips of ${recordings} recordings, ${length(hours)}`,
      ]),
      ...(shown.events > 0 ? [["events", String(shown.events)]] : []),
      ...(shown.clips > 0
        ? [
            // Of sound alone there are no pictures to count.
            ...(shown.rates.length > 0
              ? [
                  ["rates", listed(shown.rates)],
                  ["sizes", listed(shown.resolutions)],
                ]
              : []),
            ["sounds", listed(shown.sounds)],
          ]
        : []),
      ["rejected", rejected === 0 ? "none" : `${rejected} of ${shown.recordings}`],
      ...shown.rejected.map(({ value, recordings, reason }) => [`  ${value}`, `${recordings}, the first: ${reason}`]),
    ]),
  ];
  if (shown.classes.length > 0) {
    const rest = shown.classes.length - shownClasses;
    parts.push(
      table([
        ["class", "recordings"],
        ...shown.classes.slice(0, shownClasses).map(({ value, recordings }) => [value, String(recordings)]),
        ...(rest > 0 ? [[`and ${rest} more`]] : []),
      ]),
    );
  }
  const files = [...(shown.sheet === null ? [] : [shown.sheet]), ...shown.examples];
  if (files.length > 0) parts.push(files.map(path).join("\n"));
  return parts.join("\n\n");
}
