import { CmmdError, type Waveform } from "@cmmd/core";

/** Collects float32 samples; those before `skip` and from `skip + limit` on are dropped. */
export class SoundReader {
  private readonly data: Float32Array;
  /** Byte of the output at which `data` begins. */
  private readonly begin: number;
  private seen = 0;

  constructor(skip: number, limit: number) {
    this.begin = skip * 4;
    this.data = new Float32Array(limit);
  }

  push(chunk: Buffer): void {
    const at = this.seen - this.begin;
    this.seen += chunk.length;
    const wanted = chunk.subarray(Math.max(0, -at), Math.max(0, this.data.byteLength - at));
    if (wanted.length > 0) new Uint8Array(this.data.buffer).set(wanted, Math.max(0, at));
  }

  /** Silence completes what is at most `tolerance` samples short of `expected`. */
  samples(expected: number, tolerance: number): Float32Array {
    const count = Math.min(this.data.length, Math.max(0, Math.floor((this.seen - this.begin) / 4)));
    return this.data.subarray(0, count > 0 && expected - count <= tolerance ? Math.max(count, expected) : count);
  }
}

/** Formats of floating-point samples can hold what is no number; a network would learn nothing else from it. */
export function requireNumbers(path: string, start: number, { rate, samples }: Waveform): void {
  const at = samples.findIndex((value) => !Number.isFinite(value));
  if (at >= 0)
    throw new CmmdError(
      "CMMD323",
      `"${path}" has sound that is not a number at second ${(start + at / rate).toFixed(2)}`,
      {
        hint: "Export the sound again, or leave this file out.",
      },
    );
}
