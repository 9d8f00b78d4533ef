import type { PairShape } from "../plugin/clips.js";
import type { Pair } from "../plugin/components.js";
import { sizeOf } from "../plugin/tensors.js";

const modalities = ["video", "audio"] as const;
type Modality = (typeof modalities)[number];

/** How clips of sizes `whole` are divided into windows that the network sees one by one. */
export interface WindowLayout {
  readonly whole: PairShape;
  readonly window: PairShape;
  /** First step of each window in each modality, ascending; the windows cover the clip. */
  readonly starts: readonly Pair<number>[];
}

export const inOnePiece = (shape: PairShape): WindowLayout => ({
  whole: shape,
  window: shape,
  starts: [{ video: 0, audio: 0 }],
});

/**
 * Windows of equal length at equal distances that overlap by a third or more: `frames` video frames in windows of the sizes `window`, with
 * `stepsPerFrame` feature frames per video frame. The clip's sound ends where the last window's does.
 */
export function layWindows(frames: number, window: PairShape, stepsPerFrame: number): WindowLayout {
  const [length, ...picture] = window.video;
  const [steps, bins] = window.audio;
  const beyond = frames - length;
  const count = 1 + Math.ceil(beyond / Math.max(1, Math.floor((length * 2) / 3)));
  const starts = Array.from({ length: count }, (_, i) => {
    const video = Math.round((i * beyond) / Math.max(count - 1, 1));
    return { video, audio: Math.round(video * stepsPerFrame) };
  });
  return { whole: { video: [frames, ...picture], audio: [starts.at(-1)!.audio + steps, bins] }, window, starts };
}

const rowOf = (shape: readonly number[]) => sizeOf(shape.slice(1));

/** The windows of clips [clips, steps, ...] one after the other, [clips x windows, steps of a window, ...]. */
export function cut(data: Float32Array, modality: Modality, layout: WindowLayout): Float32Array {
  const { whole, window, starts } = layout;
  if (starts.length === 1) return data;
  const row = rowOf(whole[modality]);
  const [long, short] = [sizeOf(whole[modality]), sizeOf(window[modality])];
  const clips = data.length / long;
  const out = new Float32Array(clips * starts.length * short);
  for (let clip = 0; clip < clips; clip++)
    for (const [i, start] of starts.entries()) {
      const from = clip * long + start[modality] * row;
      out.set(data.subarray(from, from + short), (clip * starts.length + i) * short);
    }
  return out;
}

/** The weight of every step of every window: rising from its beginning and falling towards its end, and of sum 1 at every step of the clip. */
function crossfade(modality: Modality, { whole, window, starts }: WindowLayout): Float32Array[] {
  const length = window[modality][0];
  const sum = new Float32Array(whole[modality][0]);
  const height = (step: number) => Math.min(step + 1, length - step);
  for (const start of starts) for (let step = 0; step < length; step++) sum[start[modality] + step]! += height(step);
  return starts.map((start) => Float32Array.from({ length }, (_, step) => height(step) / sum[start[modality] + step]!));
}

/** A function that puts windows, as `cut` gives them, together to clips: where they overlap one fades into the next. */
export function blender(layout: WindowLayout): (windows: Float32Array, modality: Modality) => Float32Array {
  const { whole, window, starts } = layout;
  if (starts.length === 1) return (windows) => windows;
  const weights = { video: crossfade("video", layout), audio: crossfade("audio", layout) };
  return (windows, modality) => {
    const row = rowOf(whole[modality]);
    const [long, short] = [sizeOf(whole[modality]), sizeOf(window[modality])];
    const clips = windows.length / (short * starts.length);
    const out = new Float32Array(clips * long);
    for (let clip = 0; clip < clips; clip++)
      for (const [i, start] of starts.entries()) {
        const weight = weights[modality][i]!;
        const from = (clip * starts.length + i) * short;
        const to = clip * long + start[modality] * row;
        for (let j = 0; j < short; j++) out[to + j]! += weight[Math.floor(j / row)]! * windows[from + j]!;
      }
    return out;
  };
}
