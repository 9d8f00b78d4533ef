import type { GeneratorOptions } from "./sizes.js";

/** Frames of a spectrogram that are computed at once, and those of them whose sound is kept, all counted from its beginning. */
export interface Block {
  readonly start: number;
  readonly from: number;
  readonly to: number;
}

/** Frames on each side of a frame that its sound depends on. */
export function margin({ ratios, residual_layers }: GeneratorOptions): number {
  const edge = 3;
  const dilations = (3 ** residual_layers - 1) / 2;
  // From the sound back to the frames, in positions of each resolution.
  const reach = [...ratios]
    .reverse()
    .reduce((positions, ratio) => Math.ceil((positions + dilations) / ratio) + 1, edge);
  return reach + edge;
}

/** Blocks of `size` frames that give the sound of `frames`, which are more, as if it were computed at once. */
export function blocksOf(frames: number, size: number, margin: number): Block[] {
  const blocks: Block[] = [];
  for (let from = 0; from < frames; from = blocks.at(-1)!.to) {
    const start = Math.min(Math.max(0, from - margin), frames - size);
    blocks.push({ start, from, to: start + size === frames ? frames : start + size - margin });
  }
  return blocks;
}
