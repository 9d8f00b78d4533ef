import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  byStem,
  CmmdError,
  type DatasetBody,
  heldOut,
  type ListedRecording,
  listedDataset,
  listFiles,
  mediaExtensions,
  readLines,
  recordingIds,
  type Split,
  splitOfPath,
} from "@cmmd/core";
import { type AistName, parseName } from "./names.js";
import type { AistOptions } from "./options.js";

export const aistDataset: DatasetBody<AistOptions> = listedDataset((options: AistOptions, base) =>
  layouts[options.layout](options, base),
);

const layouts = { official, tree } as const;

const listNames: Readonly<Record<Split, string>> = { train: "train", validation: "val", test: "test" };

/** The sequences of AIST++'s cross-modal splits, by each of the wanted cameras. */
async function official(options: AistOptions, base: string): Promise<ListedRecording[]> {
  const root = resolve(base, options.root);
  const annotations = await annotationsFolder(options, base);
  const files = byStem(await listFiles(root, { extensions: mediaExtensions.video, recursive: false }));
  const ignored = new Set(options.ignore ? await readLines(join(annotations, "ignore_list.txt")) : []);
  const listed: ListedRecording[] = [];
  for (const split of options.splits) {
    const list = join(annotations, "splits", `crossmodal_${listNames[split]}.txt`);
    for (const sequence of await readLines(list)) {
      const said = parseName(sequence);
      if (!said) throw notASequence(sequence, list);
      if (ignored.has(sequence) || !wanted(options, said)) continue;
      for (const camera of options.cameras) {
        const id = sequence.replace(`_${said.camera}_`, `_${camera}_`);
        listed.push({ id, media: files.get(id), expected: join(root, `${id}.mp4`), split, ...describe(said) });
      }
    }
  }
  return listed;
}

/** Where the lists are: in the folder that the options name, else in `annotations` beside the videos, else among them. */
async function annotationsFolder({ root, annotations }: AistOptions, base: string): Promise<string> {
  if (annotations !== undefined) return resolve(base, annotations);
  const inner = resolve(base, root, "annotations");
  const found = await stat(inner).catch(() => undefined);
  return found?.isDirectory() ? inner : resolve(base, root);
}

/** Every video below the root; those whose names are AIST's are chosen by them. */
async function tree(options: AistOptions, base: string): Promise<ListedRecording[]> {
  const files = await listFiles(resolve(base, options.root), { extensions: mediaExtensions.video, recursive: true });
  const ids = recordingIds(files.map(({ name }) => name));
  const test = heldOut(
    files.map(({ name }) => name),
    options.holdout,
  );
  return files.flatMap(({ name, path }, i) => {
    const said = parseName(name.slice(name.lastIndexOf("/") + 1));
    const split = splitOfPath(name) ?? (test.has(name) ? "test" : "train");
    const filmed = said === undefined || said.camera === "cAll" || options.cameras.includes(said.camera);
    if (!options.splits.includes(split) || !filmed || (said && !wanted(options, said))) return [];
    return { id: ids[i]!, media: path, expected: path, split, ...(said && describe(said)) };
  });
}

function wanted({ genres, situations }: AistOptions, { genre, situation }: AistName): boolean {
  return genres.includes(genre) && situations.includes(situation);
}

const describe = ({ genre, music, tempo }: AistName) => ({ label: genre, facts: { music, tempo } });

function notASequence(sequence: string, list: string): CmmdError {
  return new CmmdError("CMMD581", `"${list}" is not in the dataset's form: "${sequence}" names no sequence`, {
    hint: "It should hold one name as gBR_sBM_cAll_d04_mBR0_ch01 a line. Download AIST++'s annotations again.",
  });
}
