import type { Recording } from "../plugin/clips.js";
import type { Decoded, Frames, Waveform } from "../plugin/media.js";

/** Where a clip lies in its recording, in video frames, and how much real context there is around it. */
export interface Window {
  readonly id: string;
  readonly from: number;
  readonly before: number;
  readonly after: number;
}

interface ClipSizes {
  readonly frames: number;
  readonly every: number;
  readonly context: number;
}

/** The clips of a recording of `duration` seconds at `rate` frames per second. */
export function windowsOf(id: string, duration: number, rate: number, clip: ClipSizes): Window[] {
  // A file's stated length may be off by rounding; a hundredth of a frame is not a missing frame.
  const total = Math.floor(duration * rate + 0.01);
  const windows: Window[] = [];
  for (let from = 0; from + clip.frames <= total; from += clip.every)
    windows.push({
      id: `${id}_${String(from).padStart(6, "0")}`,
      from,
      before: Math.min(clip.context, from),
      after: Math.min(clip.context, total - from - clip.frames),
    });
  return windows;
}

/** Why a recording of which `duration` seconds are there, fewer than none where it begins after its file's end, gives no clip. */
export function tooShort(
  { start = 0 }: Pick<Recording, "start">,
  duration: number,
  frames: number,
  rate: number,
): string {
  if (duration <= 0) return `the file ends before second ${start.toFixed(2)}, where the recording begins`;
  return `${duration.toFixed(2)} s are too short for a clip of ${frames} frames (${(frames / rate).toFixed(2)} s)`;
}

export interface Cut {
  readonly window: Window;
  /** Pictures with context. */
  readonly frames: Frames;
  /** Sound with context. */
  readonly waveform: Waveform;
  /** Sound of the clip alone. */
  readonly sound: Waveform;
}

/**
 * Cuts windows out of decoded media whose first frame is frame `origin` of the recording; undefined where the media end too early. What is cut
 * shares the media's memory.
 */
export function* cutClips(
  { frames, rate, waveform }: Decoded,
  origin: number,
  windows: readonly Window[],
  clipFrames: number,
): Generator<Cut | undefined> {
  const picture = frames.height * frames.width * 3;
  const perFrame = waveform.rate / rate;
  for (const window of windows) {
    const from = window.from - origin;
    const after = Math.min(
      window.after,
      frames.count - from - clipFrames,
      Math.floor(waveform.samples.length / perFrame) - from - clipFrames,
    );
    if (after < 0) {
      yield undefined;
      continue;
    }
    const sound = (begin: number, end: number): Waveform => ({
      rate: waveform.rate,
      samples: waveform.samples.subarray(Math.round(begin * perFrame), Math.round(end * perFrame)),
    });
    const begin = from - window.before;
    const end = from + clipFrames + after;
    yield {
      window: { ...window, after },
      frames: { ...frames, count: end - begin, data: frames.data.subarray(begin * picture, end * picture) },
      waveform: sound(begin, end),
      sound: sound(from, from + clipFrames),
    };
  }
}
