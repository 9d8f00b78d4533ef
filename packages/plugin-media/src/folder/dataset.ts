import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  CmmdError,
  type Context,
  type DatasetBody,
  heldOut,
  type Json,
  listFiles,
  type MediaFile,
  mediaExtensions,
  type Recording,
  recordingIds,
} from "@cmmd/core";
import { locateFfmpeg } from "../ffmpeg/locate.js";
import { probeMedia } from "../ffmpeg/probe.js";
import type { FolderOptions } from "./options.js";

/** Seconds that the end of a single recording has at least, so that it holds a clip or two. */
const shortestTail = 4;

export const folderDataset: DatasetBody<FolderOptions> = {
  async fingerprint(options, context): Promise<Json> {
    const files = await filesOf(options, context);
    return Promise.all(
      files.map(async (file) => [file.name, file.size, file.changed, await readEvents(file)] as Json[]),
    );
  },
  async *clips(options, context) {
    const files = await filesOf(options, context);
    if (files.length === 1 && options.holdout > 0) {
      yield* divide(files[0]!, options.holdout, context);
      return;
    }
    const ids = recordingIds(files.map((file) => file.name));
    const test = heldOut(
      files.map((file) => file.name),
      options.holdout,
    );
    for (const [i, file] of files.entries())
      yield { ...(await recording(file, ids[i]!)), split: test.has(file.name) ? "test" : "train" };
  },
};

/** Throws CMMD305 when there is no such folder, CMMD306 when it holds no media. */
async function filesOf(
  { root: given, recursive, extensions }: FolderOptions,
  { base, only }: Pick<Context, "base" | "only">,
): Promise<MediaFile[]> {
  const root = resolve(base, given);
  const usual = only === "audio" ? [...mediaExtensions.audio, ...mediaExtensions.video] : mediaExtensions.video;
  const endings = extensions ?? usual;
  const files = await listFiles(root, { extensions: endings, recursive });
  if (files.length === 0)
    throw new CmmdError("CMMD306", `data folder "${root}" holds no ${endings.join(", ")} files`, {
      hint: `Put ${only === "audio" ? "sounds" : "videos with sound"} there, or name their file-name ending in data.extensions.`,
    });
  return files;
}

async function recording(file: MediaFile, id: string): Promise<Omit<Recording, "split">> {
  const events = await readEvents(file);
  return { id, media: file.path, ...(events && { events }) };
}

/** One recording trains with its beginning and is tested with its end. */
async function* divide(file: MediaFile, holdout: number, context: Context): AsyncGenerator<Recording> {
  const whole = await recording(file, recordingIds([file.name])[0]!);
  const { duration } = await probeMedia(
    await locateFfmpeg((message) => context.warn(message)),
    file.path,
    context.signal,
  );
  const tail = Math.min(Math.max(duration * holdout, shortestTail), duration / 2);
  const cut = duration - tail;
  context.log(
    `folder: "${file.name}" is the only recording, so its last ${tail.toFixed(1)} s are kept for testing; figures will flatter, as both parts show the same scene`,
  );
  yield { ...whole, id: `${whole.id}-train`, start: 0, duration: cut, split: "train" };
  yield { ...whole, id: `${whole.id}-test`, start: cut, duration: tail, split: "test" };
}

/** The true event times in `<name>.events.json` beside a media file, `{"events": [seconds, ...]}`. Throws CMMD321. */
async function readEvents(file: MediaFile): Promise<number[] | undefined> {
  const path = `${file.path.replace(/\.[^./\\]*$/, "")}.events.json`;
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const events = parseEvents(text);
  if (events) return events;
  throw new CmmdError("CMMD321", `"${path}" does not hold event times`, {
    hint: 'Write {"events": [0.5, 1.25]}: seconds from the beginning of the recording, none negative.',
  });
}

function parseEvents(text: string): number[] | undefined {
  try {
    const { events } = JSON.parse(text) as { events?: unknown };
    const valid = Array.isArray(events) && events.every((time) => Number.isFinite(time) && time >= 0);
    return valid ? (events as number[]) : undefined;
  } catch {
    return undefined;
  }
}
