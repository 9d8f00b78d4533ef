/** What `cmmd generate` makes: plain JSON, kept as `order.json` in the folder of the work. Paths are absolute. */
export interface GenerateOrder {
  /** The file that is conditioned on: its picture (v2a), its sound (a2v) or both (extend). Absent for `joint`. */
  readonly source?: string;
  /** Seconds to make; of `extend`, to add. The source's length, or the trained clip's, when absent. */
  readonly seconds?: number;
  /** One file per clip: `.mp4`, or `.wav` for the sound alone. */
  readonly outputs: readonly string[];
  /** Whether the spectrogram of each clip's sound is written beside it. */
  readonly spectrograms: boolean;
}

/** Where the spectrogram of an output is written: the same name with the ending `.png`. */
export const spectrogramOf = (output: string): string => output.replace(/\.[^.]*$/, ".png");

export const orderFile = "order.json";

/** What stage `generate` of an order tells in its summary. */
export interface Generated {
  readonly files: readonly string[];
  readonly spectrograms?: readonly string[];
  readonly seconds: number;
  /** Windows that each clip was made of. */
  readonly windows: number;
}
