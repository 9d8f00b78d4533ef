import { type Random, stream } from "../diffusion/random.js";
import type { Schedule } from "../diffusion/schedule.js";
import type { Clip, PairShape } from "../plugin/clips.js";
import { type NamedTensor, sizeOf } from "../plugin/tensors.js";

/** Rows of equal size as one tensor [rows, ...shape]. */
export function stack(rows: readonly Float32Array[], shape: readonly number[]): NamedTensor {
  const data = new Float32Array(rows.length * sizeOf(shape));
  rows.forEach((row, i) => {
    data.set(row, i * row.length);
  });
  return { shape: [rows.length, ...shape], data };
}

/** A permutation of 0..count-1 by Fisher-Yates. */
function permutation(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Which clips each step sees: every clip once per epoch, in an order that depends on the seed and the epoch alone. */
export function clipOrder(seed: number, count: number): (position: number) => number {
  let epoch = -1;
  let order: number[] = [];
  return (position) => {
    const wanted = Math.floor(position / count);
    if (wanted !== epoch) {
      epoch = wanted;
      order = permutation(count, stream(seed, "clip order", epoch));
    }
    return order[position % count]!;
  };
}

/** The positive batch of one step as host tensors, and the clips in it. */
export interface DrawnBatch {
  readonly clips: readonly Clip[];
  readonly tensors: {
    readonly video: NamedTensor;
    readonly audio: NamedTensor;
    readonly videoNoise: NamedTensor;
    readonly audioNoise: NamedTensor;
    readonly n: NamedTensor;
    readonly alphaBar: NamedTensor;
  };
}

/** Draws the batch of the step with 0-based index `step`; a pure function of the seed and its arguments. */
export function drawBatch(
  seed: number,
  step: number,
  batch: number,
  clips: readonly Clip[],
  order: (position: number) => number,
  shape: PairShape,
  schedule: Schedule,
): DrawnBatch {
  const chosen = Array.from({ length: batch }, (_, i) => clips[order(step * batch + i)]!);
  const n = Float32Array.from(chosen, (_, i) => 1 + stream(seed, "diffusion step", step, i).integer(schedule.steps));
  const noise = (modality: "video" | "audio") =>
    stack(
      chosen.map((_, i) => stream(seed, `${modality} noise`, step, i).normal(sizeOf(shape[modality]))),
      shape[modality],
    );
  return {
    clips: chosen,
    tensors: {
      video: stack(
        chosen.map((clip) => clip.video(0)),
        shape.video,
      ),
      audio: stack(
        chosen.map((clip) => clip.audio(0)),
        shape.audio,
      ),
      videoNoise: noise("video"),
      audioNoise: noise("audio"),
      n: { shape: [batch], data: n },
      alphaBar: { shape: [batch], data: n.map((step) => schedule.alphaBar(step)) },
    },
  };
}

/** Rows `from` to `to` (not included) of a tensor. */
export function rowsOf({ shape, data }: NamedTensor, from: number, to: number): NamedTensor {
  const row = sizeOf(shape.slice(1));
  return { shape: [to - from, ...shape.slice(1)], data: data.subarray(from * row, to * row) };
}
