import type { FileHandle } from "node:fs/promises";
import { CmmdError } from "../errors.js";

/** A stored file of a zip: where its local header is, and its size. */
export interface Entry {
  readonly at: number;
  readonly size: number;
}

const damaged = (path: string, why: string) =>
  new CmmdError("CMMD573", `${path}: not a PyTorch file that can be read: ${why}`, {
    hint: "The file is damaged or was not written completely. Fetch it again.",
  });

async function readAt(path: string, handle: FileHandle, at: number, length: number): Promise<DataView<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) throw damaged(path, `it ends ${length - done} bytes too early`);
    done += bytesRead;
  }
  return new DataView(bytes.buffer);
}

const whole = (view: DataView, at: number) => Number(view.getBigUint64(at, true));
/** A 32-bit field that says that the value is among the 64-bit extras. */
const isElsewhere = (value: number) => value === 0xffffffff;

/** Start and length of the central directory, and how many files it lists; of zip64 where there is one. */
async function directory(path: string, handle: FileHandle, size: number) {
  const tail = Math.min(size, 22 + 65535 + 20);
  const view = await readAt(path, handle, size - tail, tail);
  let at = tail - 22;
  while (at >= 0 && view.getUint32(at, true) !== 0x06054b50) at--;
  if (at < 0) throw damaged(path, "it ends before the list of its files");
  const locator = at - 20;
  if (locator >= 0 && view.getUint32(locator, true) === 0x07064b50) {
    const wide = await readAt(path, handle, whole(view, locator + 8), 56);
    return { count: whole(wide, 32), length: whole(wide, 40), from: whole(wide, 48) };
  }
  return {
    count: view.getUint16(at + 10, true),
    length: view.getUint32(at + 12, true),
    from: view.getUint32(at + 16, true),
  };
}

/** Sizes and place of a file, from the extras where they do not fit into 32 bits. */
function placeOf(view: DataView, at: number, extrasAt: number, extrasEnd: number): Entry {
  let size = view.getUint32(at + 24, true);
  let from = view.getUint32(at + 42, true);
  for (let extra = extrasAt; extra + 4 <= extrasEnd; extra += 4 + view.getUint16(extra + 2, true)) {
    if (view.getUint16(extra, true) !== 1) continue;
    let field = extra + 4;
    if (isElsewhere(size)) {
      size = whole(view, field);
      field += 8;
    }
    if (isElsewhere(view.getUint32(at + 20, true))) field += 8;
    if (isElsewhere(from)) from = whole(view, field);
  }
  return { at: from, size };
}

/** The files of a zip by name; PyTorch stores them uncompressed. Throws CMMD573. */
export async function readEntries(path: string, handle: FileHandle): Promise<ReadonlyMap<string, Entry>> {
  const { size } = await handle.stat();
  const { count, length, from } = await directory(path, handle, size);
  if (from + length > size) throw damaged(path, "the list of its files is cut off");
  const view = await readAt(path, handle, from, length);
  const entries = new Map<string, Entry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > length || view.getUint32(at, true) !== 0x02014b50)
      throw damaged(path, "the list of its files is damaged");
    const nameEnd = at + 46 + view.getUint16(at + 28, true);
    const extrasEnd = nameEnd + view.getUint16(at + 30, true);
    if (extrasEnd > length) throw damaged(path, "the list of its files is damaged");
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, at + 46, nameEnd - at - 46));
    if (view.getUint16(at + 10, true) !== 0) throw damaged(path, `its part "${name}" is compressed`);
    entries.set(name, placeOf(view, at, nameEnd, extrasEnd));
    at = extrasEnd + view.getUint16(at + 32, true);
  }
  return entries;
}

/** The bytes of one file. */
export async function readEntry(path: string, handle: FileHandle, { at, size }: Entry): Promise<ArrayBuffer> {
  const { size: all } = await handle.stat();
  const header = await readAt(path, handle, at, 30);
  if (header.getUint32(0, true) !== 0x04034b50) throw damaged(path, "one of its parts is not where it should be");
  const from = at + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  if (from + size > all) throw damaged(path, `it ends ${from + size - all} bytes too early`);
  return (await readAt(path, handle, from, size)).buffer;
}
