import { CmmdError } from "../errors.js";
import { dtypes } from "./dtypes.js";

/** One entry of a safetensors header: `data_offsets` are [begin, end) in the bytes after the header. */
export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

export interface Header {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit: a longer header means that the file is something else. */
export const maxHeaderBytes = 100_000_000;

/** Error about a file that is damaged or is not what its name says. */
export function damaged(path: string, why: string): CmmdError {
  return new CmmdError("CMMD410", `${path}: not a valid safetensors file: ${why}`, {
    hint: "The file is damaged or was not written completely. Remove it (in the store: its whole folder) and run again, or fetch it again.",
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function checkEntry(path: string, name: string, value: unknown): TensorEntry {
  const fail = (why: string) => damaged(path, `tensor "${name}" ${why}`);
  if (!isRecord(value)) throw fail("has no description");
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(dtypes, dtype))
    throw fail(`has the unknown type ${JSON.stringify(dtype)}`);
  if (!Array.isArray(shape) || !shape.every(isCount)) throw fail("has no valid shape");
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw fail("has no valid data_offsets");
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product: number, size: number) => product * size, dtypes[dtype]!.bytes);
  if (end - begin !== bytes)
    throw fail(
      `of shape [${shape.join(", ")}] and type ${dtype} needs ${bytes} bytes, but its offsets give it ${end - begin}`,
    );
  return { dtype, shape, data_offsets: [begin, end] };
}

/**
 * Reads and checks the JSON header of a file with `dataBytes` bytes after it: types, shapes and sizes must agree, and the tensors
 * must cover the data without gaps or overlaps (format: github.com/huggingface/safetensors). Throws CMMD410.
 */
export function parseHeader(path: string, json: string, dataBytes: number): Header {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    throw damaged(path, `its header is not JSON (${(cause as Error).message})`);
  }
  if (!isRecord(parsed)) throw damaged(path, "its header is not an object");
  const { __metadata__: metadata = {}, ...tensors } = parsed;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === "string"))
    throw damaged(path, "__metadata__ must map names to text");
  const entries = new Map(Object.entries(tensors).map(([name, value]) => [name, checkEntry(path, name, value)]));
  let covered = 0;
  let previous = "the header";
  for (const [name, { data_offsets }] of [...entries].sort(
    ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  )) {
    const [begin, end] = data_offsets;
    if (begin !== covered)
      throw damaged(path, `tensor "${name}" ${begin < covered ? "overlaps" : "leaves a gap after"} ${previous}`);
    covered = end;
    previous = `tensor "${name}"`;
  }
  const cut = [...entries].find(([, { data_offsets }]) => data_offsets[1] > dataBytes);
  const where = cut ? `: tensor "${cut[0]}" of shape [${cut[1].shape.join(", ")}] is cut off` : "";
  if (covered !== dataBytes)
    throw damaged(path, `its tensors need ${covered} bytes, but it holds ${dataBytes}${where}`);
  return { entries, metadata: metadata as Record<string, string> };
}
