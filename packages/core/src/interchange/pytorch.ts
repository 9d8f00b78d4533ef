import { type FileHandle, open } from "node:fs/promises";
import { dtypes } from "../data/dtypes.js";
import { CmmdError } from "../errors.js";
import { type NamedTensor, type NamedTensors, sizeOf, type TensorData } from "../plugin/tensors.js";
import { Global, type PickleRules, readPickle } from "./pickle.js";
import { type Entry, readEntries, readEntry } from "./zip.js";

/** PyTorch's storages, by the name of their class, as types of safetensors. */
const storageTypes: Readonly<Record<string, string>> = {
  FloatStorage: "F32",
  DoubleStorage: "F64",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

interface Storage {
  readonly key: string;
  readonly type: string;
}
/** A tensor as the pickle describes it: a view of a storage, which may lie behind it in the file. */
class View {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

const damaged = (path: string, why: string) =>
  new CmmdError("CMMD573", `${path}: not a PyTorch file that can be read: ${why}`, {
    hint: "The file is damaged, was not written completely, or is something else. Fetch it again.",
  });

const counts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

/** How the objects of PyTorch's pickles are made: tensors and dictionaries; everything else is refused by its name. */
function rulesFor(path: string): PickleRules {
  const makers: Readonly<Record<string, (args: readonly unknown[]) => unknown>> = {
    "collections.OrderedDict": ([pairs]) => new Map((pairs as [unknown, unknown][] | undefined) ?? []),
    "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, strides]) => {
      if (!counts(shape) || !counts(strides) || !counts([offset])) throw damaged(path, "a tensor has no valid shape");
      return new View(storage as Storage, offset as number, shape, strides);
    },
    "torch._utils._rebuild_parameter": ([tensor]) => tensor,
    "torch.Size": ([sizes]) => sizes,
    "torch.device": () => null,
    "_codecs.encode": ([text]) => text,
  };
  return {
    reduce(callee, args) {
      const make = Object.hasOwn(makers, String(callee)) ? makers[String(callee)] : undefined;
      if (make) return make(args);
      throw new CmmdError("CMMD574", `${path}: holds an object of ${callee}, which is not read`, {
        hint: "Only tensors in dictionaries and lists are read, as executing a file's code is never safe. Save a state_dict in Python: torch.save(model.state_dict(), path).",
      });
    },
    persistent(id) {
      if (!Array.isArray(id) || id[0] !== "storage" || !(id[1] instanceof Global))
        throw damaged(path, "an unknown reference");
      const [, { module, name }, key] = id as [string, Global, unknown];
      const type = module === "torch" && Object.hasOwn(storageTypes, name) ? storageTypes[name] : undefined;
      if (type !== undefined) return { key: String(key), type } satisfies Storage;
      throw new CmmdError("CMMD574", `${path}: holds numbers of the type ${module}.${name}, which is not read`, {
        hint: "Convert the tensors in Python, e.g. with .float(), and save them again.",
      });
    },
  };
}

/** Tensors in nested dictionaries and lists, by their path: {"netG": {"a": x}} gives netG.a. Tables of DataParallel lose `module.`. */
function flatten(value: unknown, name: string, found: Map<string, View>, left: string[]): void {
  if (value instanceof View) found.set(name, value);
  else if (value instanceof Map)
    for (const [key, item] of value) flatten(item, name === "" ? String(key) : `${name}.${key}`, found, left);
  else if (Array.isArray(value) && value.length > 0)
    for (const [i, item] of value.entries()) flatten(item, name === "" ? String(i) : `${name}.${i}`, found, left);
  else left.push(name);
}

function withoutModule(found: ReadonlyMap<string, View>): ReadonlyMap<string, View> {
  const names = [...found.keys()];
  if (!names.every((name) => name.startsWith("module."))) return found;
  return new Map([...found].map(([name, view]) => [name.slice("module.".length), view]));
}

/** The elements of a view in row-major order. */
function elementsOf(path: string, name: string, { offset, shape, strides }: View, storage: TensorData): TensorData {
  const size = sizeOf(shape);
  const last = offset + shape.reduce((sum, length, i) => sum + (length - 1) * strides[i]!, 0);
  if (size > 0 && (shape.length !== strides.length || last >= storage.length))
    throw damaged(
      path,
      `tensor "${name}" [${shape.join(", ")}] reaches beyond its storage of ${storage.length} values`,
    );
  const dense = shape.every((length, i) => length === 1 || strides[i] === sizeOf(shape.slice(i + 1)));
  if (dense) return storage.slice(offset, offset + size);
  const out = new (storage.constructor as new (length: number) => TensorData)(size);
  const index = shape.map(() => 0);
  for (let i = 0, at = offset; i < size; i++) {
    out[i] = storage[at]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      at -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/** Reads whole storages by key, each once, and lets go of the last when another is asked for. */
type ReadStorage = (storage: Storage) => Promise<TensorData>;

function decode(path: string, { key, type }: Storage, bytes: ArrayBuffer): TensorData {
  try {
    return dtypes[type]!.read(bytes);
  } catch (cause) {
    throw damaged(path, `storage ${key} ${(cause as Error).message}`);
  }
}

async function tensorsOf(path: string, value: unknown, read: ReadStorage): Promise<PytorchTensors> {
  const found = new Map<string, View>();
  const left: string[] = [];
  flatten(value, "", found, left);
  if (found.size === 0) throw damaged(path, "it holds no tensors");
  const tensors: [string, NamedTensor][] = [];
  for (const [name, view] of withoutModule(found))
    tensors.push([name, { shape: view.shape, data: elementsOf(path, name, view, await read(view.storage)) }]);
  return { tensors: Object.fromEntries(tensors), left };
}

export interface PytorchTensors {
  /** By their path in the file; half precision and 64-bit numbers become 32-bit ones. */
  readonly tensors: NamedTensors;
  /** Paths of what is no tensor (step counts, names), which is left out. */
  readonly left: readonly string[];
}

/** A zip of data.pkl and one file for each storage: torch.save since PyTorch 1.6. */
async function readZip(path: string, handle: FileHandle): Promise<PytorchTensors> {
  const entries = await readEntries(path, handle);
  const pickleName = [...entries.keys()].find((name) => /^[^/]*\/data\.pkl$/.test(name));
  if (pickleName === undefined) throw damaged(path, "it is a zip file without data.pkl");
  const folder = pickleName.slice(0, -"data.pkl".length);
  const order = entries.get(`${folder}byteorder`);
  if (order && new TextDecoder().decode(await readEntry(path, handle, order)) !== "little")
    throw damaged(path, "its numbers are big-endian");
  const pickle = await readEntry(path, handle, entries.get(pickleName)!);
  const { value } = readPickle(path, new Uint8Array(pickle), rulesFor(path));
  let last: { readonly key: string; readonly data: TensorData } | undefined;
  return tensorsOf(path, value, async (storage) => {
    if (last?.key === storage.key) return last.data;
    const entry: Entry | undefined = entries.get(`${folder}data/${storage.key}`);
    if (!entry) throw damaged(path, `storage ${storage.key} is missing`);
    last = { key: storage.key, data: decode(path, storage, await readEntry(path, handle, entry)) };
    return last.data;
  });
}

/** Before PyTorch 1.6: pickles of a magic number, the version, the system, the object and the storages' keys; then the storages. */
const legacyMagic = Number(0x1950a86a20f9469cfc6cn);

/** Largest legacy file: it is read whole, as its pickles do not say how long they are. */
const largestLegacy = 2 ** 31;

async function readLegacy(path: string, handle: FileHandle): Promise<PytorchTensors> {
  const { size } = await handle.stat();
  if (size > largestLegacy) throw damaged(path, "files of this old format are read up to 2 GiB");
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await handle.read(bytes, at, size - at, at);
    if (bytesRead === 0) throw damaged(path, "it ended while it was read");
    at += bytesRead;
  }
  const rules = rulesFor(path);
  let at = 0;
  const next = () => {
    const { value, end } = readPickle(path, bytes, rules, at);
    at = end;
    return value;
  };
  if (next() !== legacyMagic) throw damaged(path, "it is neither a zip file nor one of PyTorch's older format");
  next();
  const system = next();
  if (system instanceof Map && system.get("little_endian") === false) throw damaged(path, "its numbers are big-endian");
  const types = new Map<string, string>();
  const { persistent } = rules;
  const object = readPickle(
    path,
    bytes,
    {
      ...rules,
      persistent(id) {
        const storage = persistent(id) as Storage;
        types.set(storage.key, storage.type);
        return storage;
      },
    },
    at,
  );
  at = object.end;
  const keys = next();
  if (!Array.isArray(keys)) throw damaged(path, "it does not list its storages");
  const view = new DataView(bytes.buffer);
  const storages = new Map<string, TensorData>();
  for (const key of keys.map(String)) {
    const type = types.get(key);
    if (at + 8 > size || type === undefined) throw damaged(path, `storage ${key} is missing`);
    const length = Number(view.getBigUint64(at, true)) * dtypes[type]!.bytes;
    at += 8;
    if (at + length > size) throw damaged(path, `storage ${key} needs ${length} bytes, but ${size - at} are left`);
    storages.set(key, decode(path, { key, type }, bytes.slice(at, at + length).buffer));
    at += length;
  }
  return tensorsOf(path, object.value, async ({ key }) => {
    const data = storages.get(key);
    if (!data) throw damaged(path, `storage ${key} is missing`);
    return data;
  });
}

/**
 * Tensors of a PyTorch file (.pt, .pth, .ckpt; either format) without executing anything of it. Throws CMMD573 for a damaged file and CMMD574
 * for one that holds more than tensors in dictionaries and lists, with the name of what it holds.
 */
export async function readPytorch(path: string): Promise<PytorchTensors> {
  const handle = await open(path, "r");
  try {
    const start = new Uint8Array(4);
    await handle.read(start, 0, 4, 0);
    const isZip = start[0] === 0x50 && start[1] === 0x4b && start[2] === 3 && start[3] === 4;
    return await (isZip ? readZip(path, handle) : readLegacy(path, handle));
  } finally {
    await handle.close();
  }
}
