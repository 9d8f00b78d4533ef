import type { Json, Split, Waveform } from "@cmmd/core";
import type { SyntheticOptions } from "./options.js";

/** One recording before it is rendered: a pure function of the seed, its number and the options. */
export interface Performance {
  readonly id: string;
  /** Where the layout puts the file, relative to the dataset's folder. */
  readonly media: string;
  readonly split: Split;
  /** Seconds at which something visibly makes its sound. */
  readonly events: readonly number[];
  /** Seconds of sounds without motion and of motions without sound. */
  readonly distractors: { readonly sounds: readonly number[]; readonly motions: readonly number[] };
  /** What else is true of the scene. */
  readonly facts: { readonly [name: string]: Json };
  /** A painter of [size, size, 3] pictures by frame number, in a buffer that the next call overwrites. */
  pictures(): (frame: number) => Uint8ClampedArray;
  sound(rate: number): Waveform;
}

/** A kind of recording, and the layout of the real dataset that it imitates. */
export interface Scene {
  perform(seed: number, index: number, split: Split, options: SyntheticOptions): Performance;
  /** The layout's lists and tables: text by path relative to the dataset's folder. */
  lists(performances: readonly Performance[], options: SyntheticOptions): Readonly<Record<string, string>>;
}
