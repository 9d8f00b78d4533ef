import type { Modality } from "../plugin/clips.js";
import type { Arrays, Pair } from "../plugin/components.js";
import { type NamedTensor, sizeOf } from "../plugin/tensors.js";
import { stack } from "../train/batches.js";
import type { KnownSteps } from "./known.js";
import { cut, type WindowLayout } from "./windows.js";

const modalities = ["video", "audio"] as const;

/** How the windows of a batch of clips are shared out among evaluations of the network, each of the same number. */
export interface Runs {
  readonly count: number;
  readonly perRun: number;
  readonly items: number;
  /** The first item of a run: a last run that has fewer begins with items of the one before, so that one program does. */
  first(run: number): number;
}

/** Runs of at most `most` of `items`. */
export function runsOf(items: number, most: number): Runs {
  const count = Math.ceil(items / most);
  const perRun = Math.ceil(items / count);
  return { count, perRun, items, first: (run) => Math.min(run * perRun, items - perRun) };
}

/** The items of a run, as a tensor [items, ...shape]; no copy. */
export function partOf(data: Float32Array, runs: Runs, run: number, shape: readonly number[]): NamedTensor {
  const size = sizeOf(shape);
  const from = runs.first(run) * size;
  return { shape: [runs.perRun, ...shape], data: data.subarray(from, from + runs.perRun * size) };
}

interface HostKnown {
  readonly x0: NamedTensor;
  readonly noise: NamedTensor;
  readonly mask?: NamedTensor;
}

/** What is known of clips, in the two forms in which sampling needs it. */
export function conditions(steps: KnownSteps, layout: WindowLayout) {
  const { whole, window, starts } = layout;
  const maskOf = (modality: Modality) => {
    const mask = steps[modality];
    return mask === "all" ? undefined : mask;
  };
  return {
    known: modalities.filter((modality) => steps[modality] !== undefined),
    /** By run, for the traced guidance: clean values, their noise, and masks [windows, steps, 1, ...] unless all steps are known. */
    ofRuns(clean: Partial<Arrays>, noise: Arrays, runs: Runs): Partial<Pair<HostKnown>>[] {
      const clips = runs.items / starts.length;
      const parts = this.known.map((modality) => {
        const mask = maskOf(modality);
        const [length] = window[modality];
        const masks = mask && starts.map(({ [modality]: from }) => mask.subarray(from, from + length));
        return {
          modality,
          x0: cut(clean[modality]!, modality, layout),
          noise: cut(noise[modality], modality, layout),
          mask: masks && (stack(Array.from({ length: clips }, () => masks).flat(), [length]).data as Float32Array),
        };
      });
      return Array.from({ length: runs.count }, (_, run) =>
        Object.fromEntries(
          parts.map(({ modality, x0, noise: drawn, mask }) => {
            const shape = window[modality];
            const given = { x0: partOf(x0, runs, run, shape), noise: partOf(drawn, runs, run, shape) };
            const maskShape = shape.map((size, axis) => (axis === 0 ? size : 1));
            return [modality, mask ? { ...given, mask: partOf(mask, runs, run, maskShape) } : given];
          }),
        ),
      );
    },
    /** The known values of clips over those of `x`. */
    over(x: Arrays, clean: Partial<Arrays>): Arrays {
      const of = (modality: Modality) => {
        const given = clean[modality];
        const mask = maskOf(modality);
        if (!given || !mask) return given ?? x[modality];
        const row = sizeOf(whole[modality].slice(1));
        return x[modality].map((value, i) => (mask[Math.floor(i / row) % mask.length] === 1 ? given[i]! : value));
      };
      return { video: of("video"), audio: of("audio") };
    },
  };
}
