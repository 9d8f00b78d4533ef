import { createHash } from "node:crypto";
import { rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { CmmdError } from "../errors.js";
import type { Recording } from "../plugin/clips.js";
import type { DatasetBody } from "../plugin/components.js";
import type { Context } from "../plugin/context.js";

/** A recording that a dataset's lists name. */
export interface ListedRecording extends Omit<Recording, "media"> {
  /** Its file; undefined when it is not there. */
  readonly media: string | undefined;
  /** Where the file was looked for first. */
  readonly expected: string;
}

/** File in the stage's folder that names what the lists have and the disk has not, one path a line. */
const missingFile = "missing.txt";

/**
 * A dataset whose annotations list its recordings, of which some may not have been downloaded. Those are counted in a warning and named
 * in `missing.txt`. Throws CMMD582 when none of them is there, CMMD583 when the options leave nothing of the lists.
 */
export function listedDataset<O>(
  list: (options: O, base: string, only: Context["only"]) => Promise<readonly ListedRecording[]>,
): DatasetBody<O> {
  return {
    async fingerprint(options, { base, only }) {
      const listed = await list(options, base, only);
      const files = [...new Set(listed.flatMap(({ media, sound }) => [media ?? [], sound ?? []].flat()))];
      return {
        recordings: digest(listed.map(withoutFolders)),
        files: digest(await Promise.all(files.map(stateOf))),
      };
    },
    async *clips(options, context) {
      const listed = await list(options, context.base, context.only);
      const missing = listed.filter(({ media }) => media === undefined);
      await nameMissing(join(context.folder, missingFile), missing);
      refuseNothing(listed, missing);
      if (missing.length > 0)
        context.warn(
          `${missing.length} of the ${listed.length} recordings in the lists have no file, the first "${missing[0]!.expected}"; "${keptAt(context.folder)}" names them all`,
        );
      for (const { media, expected: _, ...recording } of listed) if (media !== undefined) yield { ...recording, media };
    },
  };
}

/** A stage's folder loses its ending when the stage has succeeded. */
const keptAt = (folder: string) => join(folder.replace(/\.partial$/, ""), missingFile);

async function nameMissing(path: string, missing: readonly ListedRecording[]): Promise<void> {
  const names = [...new Set(missing.map(({ expected }) => `${expected}\n`))];
  if (names.length > 0) await writeFile(path, names.join(""));
  else await rm(path, { force: true });
}

function refuseNothing(listed: readonly ListedRecording[], missing: readonly ListedRecording[]): void {
  if (listed.length === 0)
    throw new CmmdError("CMMD583", "the dataset's lists hold nothing that its options ask for", {
      hint: "Loosen the options beside data.use that choose recordings.",
    });
  if (missing.length === listed.length)
    throw new CmmdError(
      "CMMD582",
      `none of the ${listed.length} recordings in the dataset's lists is there; the first was looked for at "${missing[0]!.expected}"`,
      { hint: "Set data.root to the folder of the download, laid out as its official instructions leave it." },
    );
}

/** Without the folders, which may have moved since. */
function withoutFolders({ media, sound, expected, ...recording }: ListedRecording) {
  return [recording, ...[media, sound, expected].map((path) => path && basename(path))];
}

async function stateOf(path: string): Promise<readonly [size: number, changed: number]> {
  const { size, mtimeMs } = await stat(path);
  return [size, Math.trunc(mtimeMs)];
}

const digest = (value: unknown) => createHash("sha256").update(JSON.stringify(value)).digest("hex");
