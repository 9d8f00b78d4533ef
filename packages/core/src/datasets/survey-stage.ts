import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodePng } from "../data/png.js";
import { CmmdError } from "../errors.js";
import { type AnyPipeline, trainsVocoder, type VocoderPipeline } from "../pipeline/resolved.js";
import type { Frames } from "../plugin/media.js";
import { chain } from "../stages/chain.js";
import { soundChain } from "../stages/sound-chain.js";
import { soundCut } from "../stages/sound-clips.js";
import type { Stage, StageInput, StageSummary } from "../stages/stage.js";
import { recordingsOf } from "./recordings.js";
import { soundExample } from "./sound-example.js";
import { type Cut, filesOf, filmCut, type Probed, surveyOf, type Usable } from "./survey.js";

/** Files asked at once: each is a short FFmpeg process. */
const concurrency = 4;
const sheet = { columns: 6, rows: 4, width: 192, height: 108 } as const;
const examples = 3;

/** Errors that concern one file; any other ends the survey. A damaged file may give no picture, or none of which an example can be made. */
const rejectable = /^CMMD(301|302|303|515)$/;
const unshowable = /^CMMD(301|302|303|307|322|323|324|515)$/;

/** Asks every file what it holds. */
async function survey<P extends AnyPipeline>(input: StageInput<P>, cut: Cut) {
  const { pipeline, context, component, inputs } = input;
  const dataset = await component("datasets", pipeline.data.use);
  const folder = inputs.render ?? context.folder;
  const source = { ...context, folder, ...(cut.soundOnly && { only: "audio" as const }) };
  const recordings = await recordingsOf(dataset, pipeline.data.options, source);
  const probed = await probe(input, [...new Set(recordings.flatMap((recording) => filesOf(recording, cut)))]);
  return surveyOf(recordings, probed, cut);
}

/** What the files hold, and some of them: `contact-sheet.png`, `example-1.mp4` and so on in `context.folder`. */
async function showFilms(input: StageInput): Promise<StageSummary> {
  const { videoRate } = await chain(input);
  const { clip } = input.pipeline.data;
  const { survey: found, usable } = await survey(input, filmCut(clip, videoRate));
  const show = (one: Usable, number: number) => example(input, one, number, clip.frames / videoRate);
  return {
    ...(found as unknown as StageSummary),
    sheet: usable.length > 0 ? await contactSheet(input, spread(usable, sheet.columns * sheet.rows)) : null,
    examples: await examplesOf(input, usable, show),
  };
}

/** The same of a pipeline that uses the sound alone: `example-1.wav` and so on. */
async function showSounds(input: StageInput<VocoderPipeline>): Promise<StageSummary> {
  const chained = await soundChain(input);
  const { survey: found, usable } = await survey(input, soundCut(input.pipeline.data.clip, chained));
  const show = (one: Usable, number: number) => soundExample(input, chained, one, number);
  return {
    ...(found as unknown as StageSummary),
    sheet: null,
    examples: await examplesOf(input, usable, show),
  };
}

const run = (input: StageInput<AnyPipeline>): Promise<StageSummary> =>
  trainsVocoder(input.pipeline)
    ? showSounds(input as StageInput<VocoderPipeline>)
    : showFilms(input as unknown as StageInput);

async function probe({ pipeline, context, component }: StageInput<AnyPipeline>, paths: readonly string[]) {
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
async function examplesOf(
  { context }: Pick<StageInput, "context">,
  usable: readonly Usable[],
  show: (one: Usable, number: number) => Promise<string>,
): Promise<string[]> {
  const first = spread(usable, examples);
  const rest = [...first, ...usable.filter((one) => !first.includes(one))].slice(0, 4 * examples);
  const made: string[] = [];
  for (const one of rest) {
    if (made.length === first.length) break;
    try {
      made.push(await show(one, made.length + 1));
    } catch (error) {
      if (!(error instanceof CmmdError && unshowable.test(error.code))) throw error;
      context.warn(`no example: ${error.message}`);
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
export const stages: readonly Stage<AnyPipeline>[] = [
  { name: "survey", reads: ["render"], applies: () => true, depends: () => ({}), components: () => [], run },
];
