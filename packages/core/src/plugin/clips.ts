export type Split = "train" | "validation" | "test";

/** A stretch of one recording that a dataset offers; `prepare` cuts clips out of it. */
export interface Recording {
  /** Unique in the dataset; file-name characters only. */
  readonly id: string;
  /** Path of a media file with picture and sound. */
  readonly media: string;
  /** Seconds from the beginning of the file; 0 when absent. */
  readonly start?: number;
  /** Seconds; up to the end of the file when absent. */
  readonly duration?: number;
  readonly split: Split;
  /** Seconds from the beginning of the file at which something visibly makes its sound, when known. */
  readonly events?: readonly number[];
  readonly label?: string;
}

/** A prepared clip as the training loop and the negatives see it. */
export interface Clip {
  readonly id: string;
  readonly split: Split;
  /** Seconds from the clip's first frame. */
  readonly events: readonly number[];
  /** Video frames of real context that exist before and after the clip. */
  readonly context: { readonly before: number; readonly after: number };
  /** Video frames per second. */
  readonly rate: number;
  readonly shape: PairShape;
  /** Latents [frames, height, width, channels] of the clip moved by `shift` frames within its context (0: the clip itself). */
  video(shift: number): Float32Array;
  /** Normalised features [frames, bins] of the sound moved by `shift` video frames within its context. */
  audio(shift: number): Float32Array;
}

/** Sizes of the two modalities of one clip. */
export interface PairShape {
  /** [frames, height, width, channels] */
  readonly video: readonly [number, number, number, number];
  /** [frames, bins] */
  readonly audio: readonly [number, number];
}
