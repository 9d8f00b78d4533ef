import { CmmdError, type Frames } from "@cmmd/core";

const longestHeader = 64;
/** Bytes that are reserved before the first picture. */
const reserved = 64 << 20;

/**
 * Collects a stream of binary pixmaps (PPM, "P6") into RGB frames. The format says the size in every picture, so that nobody has to
 * work out what a chain of filters makes of it. Pictures before `skip` and from `skip + limit` on are dropped.
 */
export class PixmapReader {
  private readonly skip: number;
  private readonly limit: number;
  private pending: Buffer = Buffer.alloc(0);
  private height = 0;
  private width = 0;
  private seen = 0;
  private filled = 0;
  private data = new Uint8Array(0);
  private target = -1;

  constructor(skip: number, limit: number) {
    this.skip = skip;
    this.limit = limit;
  }

  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) rest = this.target < 0 ? this.readHeader(rest) : this.readPixels(rest);
  }

  /** Whether nothing more is wanted. */
  get complete(): boolean {
    return this.seen >= this.skip + this.limit;
  }

  /** Where the last one of `expected` pictures is missing, as it may at the end of a file, the one before is shown once more. */
  frames(expected: number): Frames {
    const size = this.width * this.height * 3;
    let count = size === 0 ? 0 : Math.floor(this.filled / size);
    if (count > 0 && count === expected - 1 && count < this.limit) {
      this.reserve((count + 1) * size);
      this.data.copyWithin(count * size, (count - 1) * size, count * size);
      count++;
    }
    return { count, height: this.height, width: this.width, data: this.data.subarray(0, count * size) };
  }

  private readHeader(chunk: Buffer): Buffer {
    const bytes = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    const header = /^P6\s(\d+)\s(\d+)\s255\s/.exec(bytes.toString("latin1", 0, longestHeader));
    if (header === null) {
      if (bytes.length > longestHeader) throw new Error("FFmpeg wrote something that is not a pixmap");
      this.pending = bytes;
      return Buffer.alloc(0);
    }
    const [width, height] = [Number(header[1]), Number(header[2])];
    if (this.seen > 0 && (width !== this.width || height !== this.height))
      throw new CmmdError(
        "CMMD324",
        `the picture changes its size from ${this.width}x${this.height} to ${width}x${height}`,
        { hint: "Add { use: resize, size: 128 } to prepare.video, or leave this file out." },
      );
    this.width = width;
    this.height = height;
    this.target = width * height * 3;
    this.pending = Buffer.alloc(0);
    return bytes.subarray(header[0].length);
  }

  private readPixels(chunk: Buffer): Buffer {
    const length = Math.min(this.target, chunk.length);
    if (this.seen >= this.skip && this.seen < this.skip + this.limit) {
      this.reserve(this.filled + length);
      this.data.set(chunk.subarray(0, length), this.filled);
      this.filled += length;
    }
    this.target -= length;
    if (this.target === 0) {
      this.target = -1;
      this.seen++;
    }
    return chunk.subarray(length);
  }

  /**
   * Room for all that may come, where that is not too much: the system gives memory only to what is written. Beyond that it doubles, since
   * the end of the file may come long before `limit` frames.
   */
  private reserve(length: number): void {
    if (length <= this.data.length) return;
    const all = this.width * this.height * 3 * this.limit;
    const grown = new Uint8Array(Math.min(all, Math.max(length, this.data.length * 2, reserved)));
    grown.set(this.data);
    this.data = grown;
  }
}
