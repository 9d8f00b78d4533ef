import { stat } from "node:fs/promises";
import { join } from "node:path";
import { byStem, type ListedRecording, listFiles, mediaExtensions } from "@cmmd/core";
import type { Annotation } from "./annotations.js";
import type { EpicOptions } from "./options.js";

type Files = ReadonlyMap<string, string>;
type VideoFile = Pick<ListedRecording, "media" | "sound" | "expected">;

/** Finds the files of an annotation's video; each folder is read once. */
export function videoFiles(root: string, { videos, sounds }: EpicOptions) {
  const folders = new Map<string, Promise<Files>>();
  const filesIn = (folder: string, extensions: readonly string[]): Promise<Files> => {
    const known = folders.get(folder) ?? read(folder, extensions);
    folders.set(folder, known);
    return known;
  };
  return async ({ participant, video }: Annotation): Promise<VideoFile> => {
    const folder = join(root, videos, participant, "videos");
    const media = (await filesIn(folder, mediaExtensions.video)).get(video);
    if (media === undefined || sounds === undefined) return { media, expected: join(folder, `${video}.MP4`) };
    const sound = (await filesIn(join(root, sounds), mediaExtensions.audio)).get(video);
    if (sound === undefined) return { media: undefined, expected: join(root, sounds, `${video}.wav`) };
    return { media, sound, expected: media };
  };
}

/** None when there is no such folder: a participant may not have been downloaded. */
async function read(folder: string, extensions: readonly string[]): Promise<Files> {
  const found = await stat(folder).catch(() => undefined);
  return found?.isDirectory() ? byStem(await listFiles(folder, { extensions, recursive: false })) : new Map();
}
