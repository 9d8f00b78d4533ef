import { availableParallelism } from "node:os";
import type { Decoded } from "../plugin/media.js";

/** Decoders that run at once at most, and those with which a run begins: the sizes of the pictures are not known by then. */
const most = 4;
const first = 2;
/** Bytes that all decoders may have, so that the whole stays below a gigabyte. */
const budget = 550e6;
/**
 * Bytes that one decoder takes: its code and buffers, and for each pixel some nine pictures of 10 bits that H.265 keeps for reference or
 * until their turn (FFmpeg 5.1 on one thread: 265 MB at 3840x2160).
 */
const bytesEach = 40e6;
const bytesPerPixel = 9 * 3;

/** How many decoders may run at once, by the largest pictures that were met. */
export class Decoders {
  readonly #asked: number | undefined;
  #pixels: number | undefined;

  /** `asked` decoders, where the pipeline says how many. */
  constructor(asked: number | undefined) {
    this.#asked = asked;
  }

  saw({ source }: Pick<Decoded, "source">): void {
    if (source) this.#pixels = Math.max(this.#pixels ?? 0, source.width * source.height);
  }

  get atOnce(): number {
    if (this.#asked !== undefined) return this.#asked;
    const affordable =
      this.#pixels === undefined ? first : Math.floor(budget / (bytesEach + this.#pixels * bytesPerPixel));
    return Math.max(1, Math.min(availableParallelism(), most, affordable));
  }
}
