import { CmmdError } from "../errors.js";
import type { Generation, Task } from "../pipeline/resolved.js";
import type { PairShape } from "../plugin/clips.js";
import type { MediaInfo, Waveform } from "../plugin/media.js";
import { sizeOf } from "../plugin/tensors.js";
import type { StageInput } from "../stages/stage.js";
import type { Media } from "./media.js";
import type { GenerateOrder } from "./order.js";
import type { Condition } from "./sampler.js";
import type { WindowLayout } from "./windows.js";

/** Frames decoded at once: bounds memory for long recordings. */
const framesPerDecode = 64;

/** How long a file's generation is, in video frames at the pipeline's rate. */
export interface Length {
  /** To generate. */
  readonly frames: number;
  /** Of `extend`: frames at the beginning of these that are known, the last ones of the file. */
  readonly known: number;
  /** Of the file, up to where it is used. */
  readonly source: number;
  /** Seconds of the film that comes out. */
  readonly seconds: number;
}

const needs: Readonly<Record<Task, readonly ("video" | "audio")[]>> = {
  v2a: ["video"],
  a2v: ["audio"],
  joint: [],
  extend: ["video", "audio"],
  inpaint: ["video", "audio"],
};
const nouns = { video: "picture", audio: "sound" } as const;

function unusable(message: string, hint: string): CmmdError {
  return new CmmdError("CMMD535", message, { hint, exitCode: 2 });
}

/** Checks that the file has what the task needs. Throws CMMD301, CMMD535. */
async function probe({ pipeline, context, component }: StageInput, path: string, task: Task): Promise<MediaInfo> {
  const { use, options } = pipeline.prepare.codec;
  const info = await (await component("codecs", use)).probe(path, options, context);
  const missing = needs[task].filter((modality) => !info[modality]);
  if (missing.length > 0)
    throw unusable(
      `"${path}" has no ${missing.map((modality) => nouns[modality]).join(" and no ")}`,
      task === "extend"
        ? "A clip is extended from its picture and its sound: give a file with both."
        : `Give a file with a ${nouns[needs[task][0]!]}: --video takes the picture of a file, --audio the sound.`,
    );
  return info;
}

/** How much is to be generated for a file, and how much of it is known. Throws CMMD301, CMMD535. */
export async function lengthOf(
  input: StageInput,
  { task }: Generation,
  { source, seconds }: GenerateOrder,
  rate: number,
): Promise<Length> {
  const trained = input.pipeline.data.clip.frames;
  const wanted = seconds === undefined ? undefined : Math.max(1, Math.round(seconds * rate));
  if (source === undefined) {
    const frames = wanted ?? trained;
    return { frames, known: 0, source: 0, seconds: frames / rate };
  }
  const { duration } = await probe(input, source, task);
  const there = Math.floor(duration * rate + 0.01);
  const least = task === "extend" ? 2 : 1;
  if (there < least)
    throw unusable(
      `"${source}" lasts ${duration.toFixed(2)} s, less than ${least === 1 ? "a frame" : `${least} frames`} at the ${rate} frames per second of the network`,
      "Give a longer file.",
    );
  if (task === "extend") {
    const known = Math.min(there, Math.max(1, Math.floor(trained / 2)));
    const added = wanted ?? trained - known;
    return { frames: known + added, known, source: there, seconds: (there + added) / rate };
  }
  const frames = Math.min(there, wanted ?? there);
  if (wanted !== undefined && wanted > there)
    input.context.warn(`"${source}" lasts ${duration.toFixed(2)} s: no more than that is generated`);
  // A file that is used to its end keeps the part of a frame that is left there.
  return { frames, known: 0, source: frames, seconds: frames < there ? frames / rate : duration };
}

/** Latents [frames, h, w, c] of a file's picture; the last picture fills up what the file lacks. */
async function readLatents(
  media: Media,
  path: string,
  start: number,
  count: number,
  shape: PairShape,
  read: (frames: number) => void,
) {
  const [frames, ...picture] = shape.video;
  const row = sizeOf(picture);
  const out = new Float32Array(frames * row);
  let filled = 0;
  while (filled < count) {
    const frames = Math.min(framesPerDecode, count - filled);
    const decoded = await media.decode({ path, start: start + filled / media.rates.video, frames }, "video");
    if (decoded.frames.count === 0) break;
    out.set(await media.latents(decoded.frames), filled * row);
    filled += decoded.frames.count;
    read(filled);
    if (decoded.frames.count < frames) break;
  }
  for (let frame = Math.max(filled, 1); frame < frames; frame++)
    out.copyWithin(frame * row, (frame - 1) * row, frame * row);
  return out;
}

/** What a file gives to condition on, for clips of the layout's length. */
export async function readCondition(
  { context }: StageInput,
  media: Media,
  path: string | undefined,
  task: Task,
  { known, source }: Length,
  { whole }: WindowLayout,
): Promise<Condition> {
  const nothing = () => new Float32Array();
  if (path === undefined) return { video: nothing, audio: nothing };
  const count = task === "extend" ? known : source;
  const start = (source - count) / media.rates.video;
  const wanted = needs[task];
  const video = wanted.includes("video")
    ? await readLatents(media, path, start, count, whole, (frames) => context.progress(frames, count, "frames read"))
    : undefined;
  const sound: Waveform | undefined = wanted.includes("audio")
    ? (await media.decode({ path, start, frames: count }, "audio")).waveform
    : undefined;
  const audio = sound && media.normalised(media.features(sound, whole.audio[0]));
  return { video: () => video ?? nothing(), audio: () => audio ?? nothing() };
}
