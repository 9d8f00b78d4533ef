import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodePng } from "../data/png.js";
import { CmmdError } from "../errors.js";
import type { Recording } from "../plugin/clips.js";
import type { Frames } from "../plugin/media.js";
import { chain } from "../stages/chain.js";
import type { Stage, StageInput, StageSummary } from "../stages/stage.js";
import { type Probed, surveyOf, type Usable } from "./survey.js";

/** Files asked at once: each is a short FFmpeg process. */
const concurrency = 4;
const sheet = { columns: 6, rows: 4, width: 192, height: 108 } as const;
const examples = 3;

/** Errors that concern one file; any other ends the survey. A damaged file may give no picture, or none of which an example can be made. */
const rejectable = /^CMMD(301|302|303|515)$/;
const unshowable = /^CMMD(301|302|303|307|322|324|515)$/;

/** Asks every file what it holds, and shows some: `contact-sheet.png`, `example-1.mp4` and so on in `context.folder`. */
async function run(input: StageInput): Promise<StageSummary> {
  const { pipeline, context, component, inputs } = input;
  const { videoRate } = await chain(input);
  const dataset = await component("datasets", pipeline.data.use);
  const recordings: Recording[] = [];
  const source = { ...context, folder: inputs.render ?? context.folder };
  for await (const recording of dataset.clips(pipeline.data.options, source)) recordings.push(recording);
  const probed = await probe(input, [
    ...new Set(recordings.flatMap(({ media, sound }) => [media, sound ?? []].flat())),
  ]);
  const { survey, usable } = surveyOf(recordings, probed, pipeline.data.clip, videoRate);
  const seconds = pipeline.data.clip.frames / videoRate;
  return {
    ...(survey as unknown as StageSummary),
    sheet: usable.length > 0 ? await contactSheet(input, spread(usable, sheet.columns * sheet.rows)) : null,
    examples: await examplesOf(input, usable, seconds),
  };
}

async function probe({ pipeline, context, component }: StageInput, paths: readonly string[]) {
  const { codec: used } = pipeline.prepare;
  const codec = await component("codecs", used.use);
  const probed = new Map<string, Probed>();
  const rest = paths.values();
  const lane = async () => {
    for (const path of rest) {
      context.signal.throwIfAborted();
      try {
        probed.set(path, { info: await codec.probe(path, used.options, context) });
      } catch (error) {
        if (!(error instanceof CmmdError && rejectable.test(error.code))) throw error;
        probed.set(path, { code: error.code, reason: error.message });
      }
      context.progress(probed.size, paths.length, "files");
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return probed;
}

/** `count` of the items, evenly spread. */
function spread<T>(items: readonly T[], count: number): T[] {
  const taken = Math.min(count, items.length);
  return Array.from({ length: taken }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / taken)]!);
}

/** One picture from the middle of each recording, side by side. */
async function contactSheet({ pipeline, context, component }: StageInput, shown: readonly Usable[]): Promise<string> {
  const { width, height } = sheet;
  const { codec: used } = pipeline.prepare;
  const codec = await component("codecs", used.use);
  const columns = Math.min(sheet.columns, shown.length);
  const rows = Math.ceil(shown.length / columns);
  const whole: Frames = {
    count: 1,
    width: columns * width,
    height: rows * height,
    data: new Uint8Array(columns * width * rows * height * 3),
  };
  for (const [i, { recording, info, duration }] of shown.entries()) {
    const request = {
      path: recording.media,
      start: (recording.start ?? 0) + duration / 2,
      duration: 1 / info.video!.rate,
      videoFilters: [
        `scale=${width}:${height}:force_original_aspect_ratio=decrease`,
        `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2`,
      ],
      audioFilters: [],
      only: "video",
      signal: context.signal,
    } as const;
    try {
      const { frames } = await codec.decode(request, used.options, context);
      paste(whole, frames, (i % columns) * width, Math.floor(i / columns) * height);
    } catch (error) {
      if (!(error instanceof CmmdError && unshowable.test(error.code))) throw error;
      context.warn(`not on the contact sheet: ${error.message}`);
    }
  }
  const path = join(context.folder, "contact-sheet.png");
  await writeFile(path, encodePng(whole));
  return path;
}

/** Copies the first of `frames` into the first of `into`, its corner at (x, y). */
function paste(into: Frames, { width, height, data }: Frames, x: number, y: number): void {
  for (let row = 0; row < height; row++)
    into.data.set(data.subarray(row * width * 3, (row + 1) * width * 3), ((y + row) * into.width + x) * 3);
}

/** Examples of recordings evenly spread; where one cannot be shown, of another. */
async function examplesOf(input: StageInput, usable: readonly Usable[], seconds: number): Promise<string[]> {
  const first = spread(usable, examples);
  const rest = [...first, ...usable.filter((one) => !first.includes(one))].slice(0, 4 * examples);
  const made: string[] = [];
  for (const one of rest) {
    if (made.length === first.length) break;
    try {
      made.push(await example(input, one, made.length + 1, seconds));
    } catch (error) {
      if (!(error instanceof CmmdError && unshowable.test(error.code))) throw error;
      input.context.warn(`no example: ${error.message}`);
    }
  }
  return made;
}

/** The first seconds of a recording as a clip would have them, in the file's own size and rate. */
async function example({ pipeline, context, component }: StageInput, one: Usable, number: number, seconds: number) {
  const { codec: used } = pipeline.prepare;
  const codec = await component("codecs", used.use);
  const path = join(context.folder, `example-${number}.mp4`);
  const { media, sound, start = 0 } = one.recording;
  const span = { start, duration: Math.min(seconds, one.duration) };
  await codec.encode(
    path,
    {
      frames: { ...span, path: media },
      rate: one.info.video!.rate,
      waveform: { ...span, path: sound ?? media },
    },
    used.options,
    context,
  );
  return path;
}

/** What the worker thread runs for `cmmd data show`: not part of any pipeline. */
export const stages: readonly Stage[] = [
  { name: "survey", reads: ["render"], applies: () => true, depends: () => ({}), components: () => [], run },
];
