import { crc32, deflateSync } from "node:zlib";
import type { Features } from "../plugin/media.js";

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** Grey PNG of feature frames, time to the right, low bands at the bottom, from the smallest value (black) to the largest (white). */
export function spectrogramPng({ frames, bins, data }: Features): Buffer {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const scale = high > low ? 255 / (high - low) : 0;
  // Every row of pixels begins with the number of its filter: none.
  const pixels = Buffer.alloc(bins * (frames + 1));
  for (let bin = 0; bin < bins; bin++)
    for (let frame = 0; frame < frames; frame++)
      pixels[(bins - 1 - bin) * (frames + 1) + 1 + frame] = Math.round((data[frame * bins + bin]! - low) * scale);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(frames, 0);
  header.writeUInt32BE(bins, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const signature = Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const empty = new Uint8Array();
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(pixels)), chunk("IEND", empty)]);
}
