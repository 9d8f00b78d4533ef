/** RGB pictures, 8 bits, `data` in row-major order [count, height, width, 3]. */
export interface Frames {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array;
}

/** Mono sound in [-1, 1] at `rate` Hz. */
export interface Waveform {
  readonly rate: number;
  readonly samples: Float32Array;
}

/** Feature frames of a sound, `data` in row-major order [frames, bins]. */
export interface Features {
  readonly frames: number;
  readonly bins: number;
  readonly data: Float32Array;
}

/** What `FeatureTransform` computes, in numbers: what a vocoder must know, and what it may refuse. */
export interface FeatureDefinition {
  readonly kind: string;
  readonly rate: number;
  readonly bins: number;
  readonly window: number;
  readonly hop: number;
  readonly [parameter: string]: string | number;
}

export interface MediaInfo {
  /** Seconds, the container's. */
  readonly duration: number;
  readonly video?: {
    readonly codec: string;
    readonly width: number;
    readonly height: number;
    readonly rate: number;
    /** How light is coded in a picture of high dynamic range; absent for an ordinary one. */
    readonly highRange?: "pq" | "hlg";
  };
  readonly audio?: { readonly codec: string; readonly rate: number; readonly channels: number };
}

/** A stretch of a file's picture or sound, to be taken over as it is. */
export interface MediaSpan {
  readonly path: string;
  /** Seconds from the beginning of the file. */
  readonly start: number;
  /** Seconds. */
  readonly duration: number;
}

export interface DecodeRequest {
  readonly path: string;
  /** Seconds from the beginning of the file. */
  readonly start: number;
  /** Seconds. */
  readonly duration: number;
  /** FFmpeg filter expressions, in order. */
  readonly videoFilters: readonly string[];
  readonly audioFilters: readonly string[];
  /** The one stream to decode; both when absent. The other may be missing from the file, and comes out empty. */
  readonly only?: "video" | "audio";
  /** Threads that the decoder may use; its own choice when absent. */
  readonly threads?: number;
  readonly signal: AbortSignal;
}

export interface Decoded {
  readonly frames: Frames;
  readonly rate: number;
  readonly waveform: Waveform;
  /** Seconds that the whole file lasts by its container's account; absent where that says nothing. */
  readonly length?: number;
  /** Size of the file's pictures before any filter, where it is known: what decoding takes of memory grows with it. */
  readonly source?: { readonly width: number; readonly height: number };
}
