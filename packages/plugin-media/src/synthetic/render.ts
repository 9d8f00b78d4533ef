import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CmmdError, type Context, type DatasetBody, type Frames, type Recording } from "@cmmd/core";
import { encodeMp4 } from "../ffmpeg/encode.js";
import { locateFfmpeg } from "../ffmpeg/locate.js";
import { benchScene } from "./bench/scene.js";
import { dancerScene } from "./dancer/scene.js";
import type { SceneName, SyntheticOptions } from "./options.js";
import type { Performance, Scene } from "./scene.js";

const scenes: Readonly<Record<SceneName, Scene>> = { bench: benchScene, dancer: dancerScene };
const soundRate = 48_000;
/** Recordings in the making at once: one is painted here while FFmpeg encodes the other. */
const concurrency = 2;
const framesPerRun = 10;
/** Written last: which recordings there are. */
const listFile = "recordings.json";

type Listed = Pick<Recording, "id" | "media" | "split"> & { readonly duration: number };

export const syntheticDataset: DatasetBody<SyntheticOptions> = {
  /**
   * Writes the recordings, `<name>.events.json` beside each, and the layout's lists. A recording that is there is kept: each appears
   * under its name when it is complete, and depends on the seed, its number and the options alone.
   */
  async render(options, context) {
    const performances = perform(options, context);
    const ffmpeg = await locateFfmpeg(context.warn);
    await removePartials(context.folder);
    const waiting: Performance[] = [];
    for (const performance of performances)
      if (!(await exists(join(context.folder, performance.media)))) waiting.push(performance);
    const total = performances.length;
    let done = total - waiting.length;
    context.progress(done, total, "recordings");
    await inParallel(waiting, context.signal, async (performance, signal) => {
      await renderOne(ffmpeg, performance, options, context.folder, signal);
      context.progress(++done, total, "recordings");
    });
    for (const [path, text] of Object.entries(scenes[options.scene].lists(performances, options)))
      await writeWhole(join(context.folder, path), text);
    const listed: Listed[] = performances.map(({ id, media, split }) => ({
      id,
      media,
      split,
      duration: frameCount(options) / options.rate,
    }));
    await writeWhole(join(context.folder, listFile), `${JSON.stringify(listed, undefined, 1)}\n`);
  },
  /** The recordings in `context.folder` with their true event times. Throws CMMD312 when they have not been rendered. */
  async *clips(_options, context) {
    for (const { media, ...recording } of await readList(context.folder)) {
      const path = join(context.folder, media);
      const { events } = JSON.parse(await readFile(eventsPath(path), "utf8")) as { events: number[] };
      yield { ...recording, media: path, events };
    }
  },
};

function perform(options: SyntheticOptions, context: Context): Performance[] {
  const { train, test } = options.clips;
  const seed = options.seed ?? context.seed;
  return Array.from({ length: train + test }, (_, index) =>
    scenes[options.scene].perform(seed, index, index < train ? "train" : "test", options),
  );
}

async function renderOne(
  ffmpeg: string,
  performance: Performance,
  options: SyntheticOptions,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const path = join(folder, performance.media);
  const { events, distractors, facts } = performance;
  // Before the video, so that a video that is there always has its events.
  await writeWhole(eventsPath(path), `${JSON.stringify({ events, distractors, ...facts }, undefined, 1)}\n`);
  const film = {
    frames: paint(performance, options, signal),
    rate: options.rate,
    waveform: performance.sound(soundRate),
  };
  await encodeMp4(ffmpeg, path, film, signal);
}

async function* paint(
  performance: Performance,
  options: SyntheticOptions,
  signal: AbortSignal,
): AsyncGenerator<Frames> {
  const { size } = options;
  const bytes = size * size * 3;
  const picture = performance.pictures();
  const frames = frameCount(options);
  for (let from = 0; from < frames; from += framesPerRun) {
    const count = Math.min(framesPerRun, frames - from);
    const data = new Uint8Array(count * bytes);
    for (let i = 0; i < count; i++) {
      signal.throwIfAborted();
      data.set(picture(from + i), i * bytes);
    }
    yield { count, height: size, width: size, data };
  }
}

function frameCount({ seconds, rate }: SyntheticOptions): number {
  return Math.round(seconds * rate);
}

function eventsPath(media: string): string {
  return media.replace(/\.[^./\\]*$/, ".events.json");
}

/** Some at a time. The first failure stops the others, and is thrown when they have stopped. */
async function inParallel<T>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  const rest = items.values();
  const lane = async () => {
    for (const item of rest) {
      either.throwIfAborted();
      await work(item, either);
    }
  };
  const lanes = Array.from({ length: concurrency }, () =>
    lane().catch((error: unknown) => {
      failure.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(lanes);
  await Promise.all(lanes);
}

async function readList(folder: string): Promise<Listed[]> {
  try {
    return JSON.parse(await readFile(join(folder, listFile), "utf8")) as Listed[];
  } catch (cause) {
    throw new CmmdError("CMMD312", `no rendered recordings in "${folder}"`, {
      hint: "Run the stage `render` of this pipeline first.",
      cause,
    });
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.partial`, text);
  await rename(`${path}.partial`, path);
}

/** What an earlier run that was killed left half-written. */
async function removePartials(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const entry of await readdir(folder, { recursive: true }))
    if (entry.endsWith(".partial")) await rm(join(folder, entry), { force: true });
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
