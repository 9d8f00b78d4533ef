import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  CmmdError,
  type DatasetBody,
  type ListedRecording,
  listedDataset,
  listFiles,
  mediaExtensions,
  recordingIds,
  splitOfPath,
} from "@cmmd/core";
import { classes, type LandscapeClass, type LandscapeOptions } from "./options.js";

/** The videos below train/ and test/, of a class by the name of their folder, else by their own. Throws CMMD306 when there are none. */
export const landscapeDataset: DatasetBody<LandscapeOptions> = listedDataset(
  async (options: LandscapeOptions, base): Promise<ListedRecording[]> => {
    const given = resolve(base, options.root);
    const inner = join(given, "landscape");
    const root = (await isFolder(inner)) ? inner : given;
    const files = (await listFiles(root, { extensions: mediaExtensions.video, recursive: true })).flatMap((file) => {
      const split = splitOfPath(file.name);
      return split ? [{ ...file, split, label: classOf(file.name) }] : [];
    });
    if (files.length === 0)
      throw new CmmdError("CMMD306", `"${root}" holds no videos in folders named train and test`, {
        hint: "Set data.root to the folder that holds train/ and test/.",
      });
    const ids = recordingIds(files.map(({ name }) => name));
    return files.flatMap(({ path, split, label }, i) =>
      (options.splits as readonly string[]).includes(split) &&
      (options.classes === undefined || (label !== undefined && options.classes.includes(label)))
        ? [{ id: ids[i]!, media: path, expected: path, split, ...(label && { label }) }]
        : [],
    );
  },
);

/** The class that a path names, e.g. `train/fire_crackling/x.mp4` or `train/wind-noise_12.mp4`; the outermost folder counts first. */
function classOf(name: string): LandscapeClass | undefined {
  const parts = name.split("/").map((part) => part.toLowerCase().replace(/[^a-z]+/g, " "));
  return parts.flatMap((part) => classes.find((one) => ` ${part} `.includes(` ${one} `)) ?? [])[0];
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
