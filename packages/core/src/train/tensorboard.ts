import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { CurveRow } from "./curves.js";

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let c = byte;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  return c >>> 0;
});

/** CRC-32C (Castagnoli) rotated and offset as TFRecord stores it. */
function maskedCrc(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = crcTable[(c ^ byte) & 255]! ^ (c >>> 8);
  c = ~c >>> 0;
  return (((c >>> 15) | (c << 17)) + 0xa282ead8) >>> 0;
}

/** One TFRecord: length, CRC of the length, data, CRC of the data. */
function record(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(16 + data.length);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(out.subarray(0, 8)), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return out;
}

/** A TensorBoard event file of scalars. Wall time counts steps, so that the same training writes the same bytes. */
export class TensorBoardWriter {
  readonly #path: string;

  constructor(folder: string) {
    this.#path = join(folder, "events.out.tfevents.cmmd");
    const version = new BinaryWriter().tag(1, WireType.Bit64).double(0).tag(3, WireType.LengthDelimited);
    writeFileSync(this.#path, record(version.string("brain.Event:2").finish()));
  }

  write({ step, ...scalars }: CurveRow): void {
    const summary = new BinaryWriter();
    for (const [name, value] of Object.entries(scalars)) {
      summary.tag(1, WireType.LengthDelimited).fork();
      summary.tag(1, WireType.LengthDelimited).string(name).tag(2, WireType.Bit32).float(value);
      summary.join();
    }
    const event = new BinaryWriter().tag(1, WireType.Bit64).double(step).tag(2, WireType.Varint).int64(step);
    appendFileSync(this.#path, record(event.tag(5, WireType.LengthDelimited).bytes(summary.finish()).finish()));
  }
}
