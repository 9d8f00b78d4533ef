import { join, resolve } from "node:path";
import {
  byStem,
  CmmdError,
  type DatasetBody,
  type ListedRecording,
  listedDataset,
  listFiles,
  readTable,
  recordingIds,
  type Split,
} from "@cmmd/core";
import type { VggsoundOptions } from "./options.js";
import { endingsFor, requireClasses, secondsOf, segmentNames } from "./segments.js";

const columns = ["id", "start", "label", "split"] as const;

/** The segments of VGGSound's list. Throws CMMD585 for an unknown class. */
export const vggsoundDataset: DatasetBody<VggsoundOptions> = listedDataset(
  async (options: VggsoundOptions, base, only): Promise<ListedRecording[]> => {
    const root = resolve(base, options.root);
    const folder = join(root, options.media);
    const files = byStem(await listFiles(folder, { extensions: endingsFor(only), recursive: true }));
    const path = join(root, options.list);
    const rows = await readTable(path, columns, { header: false });
    const other = rows.find(({ split }) => split !== "train" && split !== "test");
    if (other)
      throw new CmmdError(
        "CMMD581",
        `"${path}" is not in the dataset's form: ${other.id} is of split "${other.split}"`,
        {
          hint: "It should be train or test. Download the list again.",
        },
      );
    if (options.classes) requireClasses(options.classes, [...new Set(rows.map(({ label }) => label))]);
    const wanted = rows.filter(
      ({ label, split }) =>
        (options.splits as readonly string[]).includes(split) && (options.classes?.includes(label) ?? true),
    );
    const stems = wanted.map(({ id, start }) => segmentNames(id, secondsOf(start, path, id))[0]!);
    const ids = recordingIds(stems);
    return wanted.map(({ label, split }, i) => ({
      id: ids[i]!,
      media: files.get(stems[i]!),
      expected: join(folder, `${stems[i]}.mp4`),
      split: split as Split,
      label,
    }));
  },
);
