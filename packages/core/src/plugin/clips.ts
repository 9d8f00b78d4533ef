export type Split = "train" | "validation" | "test";

/** A stretch of one recording that a dataset offers; `prepare` cuts clips out of it. */
export interface Recording {
  /** Unique in the dataset; file-name characters only. */
  readonly id: string;
  /** Path of a media file with picture and sound, or with the picture alone when `sound` is given. */
  readonly media: string;
  /** Path of the file with the sound, when that is one of its own; both begin together. */
  readonly sound?: string;
  /** Seconds from the beginning of the file; 0 when absent. */
  readonly start?: number;
  /** Seconds; up to the end of the file when absent. */
  readonly duration?: number;
  readonly split: Split;
  /** Seconds from the beginning of the file at which something visibly makes its sound, when known. */
  readonly events?: readonly number[];
  /** Its class, or classes. */
  readonly label?: string | readonly string[];
  /** What else the dataset says of it, e.g. { tempo: 90 }; kept in the prepared clips' index. */
  readonly facts?: Readonly<Record<string, string | number>>;
}

export type Modality = "video" | "audio";

/** How many steps of real material there are around a clip. */
export interface Surroundings {
  readonly before: number;
  readonly after: number;
}

/**
 * Where a prepared clip stands in its recording, which is all that one needs to say where a negative comes from. Each modality counts in
 * its own steps: video frames, and feature frames of the sound.
 */
export interface ClipPlace {
  readonly id: string;
  /** The recording that it was cut out of. */
  readonly recording: string;
  readonly split: Split;
  /** Seconds from the clip's first frame. */
  readonly events: readonly number[];
  /** How far each modality can be moved within the recording; whole for the video, a fraction of a step for the sound. */
  readonly context: { readonly [M in Modality]: Surroundings };
  /** Steps per second. */
  readonly rates: { readonly [M in Modality]: number };
  /** Steps of the clip. */
  readonly steps: { readonly [M in Modality]: number };
}

/** A prepared clip as the training loop and the negatives see it. */
export interface Clip extends ClipPlace {
  readonly shape: PairShape;
  /** Latents [frames, height, width, channels] of the clip moved by `shift` frames within its context (0: the clip itself). */
  video(shift: number): Float32Array;
  /** Normalised features [frames, bins] of the sound moved within its context by `shift` feature frames, which need not be whole. */
  audio(shift: number): Float32Array;
}

/** The steps `from` to `to` (not included) of a clip of which one modality was moved by `shift` steps within its context. */
export interface Span<C extends ClipPlace = ClipPlace> {
  readonly clip: C;
  readonly shift: number;
  readonly from: number;
  readonly to: number;
}

/** Sizes of the two modalities of one clip. */
export interface PairShape {
  /** [frames, height, width, channels] */
  readonly video: readonly [number, number, number, number];
  /** [frames, bins] */
  readonly audio: readonly [number, number];
}
