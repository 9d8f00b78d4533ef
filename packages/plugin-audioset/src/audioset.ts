import { join, resolve } from "node:path";
import {
  byStem,
  type DatasetBody,
  type ListedRecording,
  listedDataset,
  listFiles,
  readTable,
  recordingIds,
  type Split,
} from "@cmmd/core";
import type { AudiosetOptions } from "./options.js";
import { endingsFor, requireClasses, secondsOf, segmentNames } from "./segments.js";

const columns = ["id", "start", "end", "labels"] as const;

/** The segments of AudioSet's lists, labelled with the names of their classes. Throws CMMD585 for an unknown class. */
export const audiosetDataset: DatasetBody<AudiosetOptions> = listedDataset(
  async (options: AudiosetOptions, base, only): Promise<ListedRecording[]> => {
    const root = resolve(base, options.root);
    const folder = join(root, options.media);
    const endings = endingsFor(options.video ? only : "audio");
    const files = byStem(await listFiles(folder, { extensions: endings, recursive: true }));
    const names = new Map(
      (await readTable(join(root, options.labels), ["mid", "display_name"])).map((row) => [row.mid, row.display_name]),
    );
    if (options.classes) requireClasses(options.classes, [...names.values()]);
    const listed: ListedRecording[] = [];
    for (const [split, list] of Object.entries(options.segments)) {
      const path = join(root, list);
      for (const row of await readTable(path, columns, { header: false })) {
        const labels = row.labels.split(",").map((mid) => names.get(mid) ?? mid);
        if (options.classes && !labels.some((label) => options.classes!.includes(label))) continue;
        const [start, end] = [secondsOf(row.start, path, row.id), secondsOf(row.end, path, row.id)];
        const stems = segmentNames(row.id, start, end);
        listed.push({
          id: stems[0]!,
          media: files.get(stems.find((stem) => files.has(stem)) ?? ""),
          expected: join(folder, `${stems[0]}.${endings[0]}`),
          duration: end - start,
          split: split as Split,
          label: labels,
        });
      }
    }
    // YouTube's ids differ by case too, which some file systems do not.
    const ids = recordingIds(listed.map(({ id }) => id));
    return listed.map((recording, i) => ({ ...recording, id: ids[i]! }));
  },
);
