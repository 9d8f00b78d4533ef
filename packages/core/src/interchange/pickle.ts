import { CmmdError } from "../errors.js";

/** What a pickle names but this reader does not make: compared by `module` and `name`. */
export class Global {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}
  toString(): string {
    return `${this.module}.${this.name}`;
  }
}

export type Pickled = unknown;

/** How the objects of a pickle are made. Nothing that it names is ever looked up or called. */
export interface PickleRules {
  /** What calling a global with these arguments makes; throws for all but the known ones. */
  reduce(callee: Global, args: readonly Pickled[]): Pickled;
  /** The object behind a persistent id: of PyTorch's files a storage. */
  persistent(id: Pickled): Pickled;
}

const mark = Symbol("mark");

/** Reader of Python's pickle, protocols 0 to 4, as far as PyTorch's files use them. */
class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #rules: PickleRules;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  at: number;

  constructor(bytes: Uint8Array, at: number, rules: PickleRules) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#rules = rules;
    this.at = at;
  }

  run(): Pickled {
    for (;;) {
      const start = this.at;
      const code = this.#byte();
      if (code === 0x2e) return this.#pop();
      const step = operations[code];
      if (!step) throw new RangeError(`the pickle has the unknown instruction 0x${code.toString(16)} at byte ${start}`);
      step(this);
    }
  }

  #byte(): number {
    this.need(1);
    return this.#bytes[this.at++]!;
  }
  need(count: number): void {
    if (this.at + count > this.#bytes.length) throw new RangeError("the pickle ends too early");
  }
  byte = () => this.#byte();
  uint16(): number {
    this.need(2);
    this.at += 2;
    return this.#view.getUint16(this.at - 2, true);
  }
  int32(): number {
    this.need(4);
    this.at += 4;
    return this.#view.getInt32(this.at - 4, true);
  }
  length(bytes: 1 | 4 | 8): number {
    if (bytes === 1) return this.#byte();
    if (bytes === 4) return this.int32() >>> 0;
    this.need(8);
    this.at += 8;
    return Number(this.#view.getBigUint64(this.at - 8, true));
  }
  double(): number {
    this.need(8);
    this.at += 8;
    return this.#view.getFloat64(this.at - 8, false);
  }
  take(count: number): Uint8Array {
    this.need(count);
    this.at += count;
    return this.#bytes.subarray(this.at - count, this.at);
  }
  text = (count: number) => new TextDecoder().decode(this.take(count));
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new RangeError("the pickle ends too early");
    const text = this.text(end - this.at);
    this.at = end + 1;
    return text;
  }
  /** Little-endian two's complement of any length. */
  long(count: number): number {
    let value = 0n;
    const bytes = this.take(count);
    for (let i = count - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    return Number(count > 0 && bytes[count - 1]! & 0x80 ? value - (1n << BigInt(8 * count)) : value);
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }
  #pop(): unknown {
    if (this.#stack.length === 0) throw new RangeError("the pickle takes more from its stack than there is");
    return this.#stack.pop();
  }
  pop = () => this.#pop();
  peek(): unknown {
    if (this.#stack.length === 0) throw new RangeError("the pickle takes more from its stack than there is");
    return this.#stack.at(-1);
  }
  mark = () => this.push(mark);
  toMark(): unknown[] {
    const from = this.#stack.lastIndexOf(mark);
    if (from < 0) throw new RangeError("the pickle has no mark where it needs one");
    const items = this.#stack.splice(from + 1);
    this.#stack.pop();
    return items;
  }
  store = (key: number) => this.#memo.set(key, this.peek());
  storeNext = () => this.store(this.#memo.size);
  fetch(key: number): void {
    if (!this.#memo.has(key)) throw new RangeError(`the pickle asks for object ${key}, which it does not have`);
    this.push(this.#memo.get(key));
  }
  persistent = (id: unknown) => this.push(this.#rules.persistent(id));
  reduce(callee: unknown, args: unknown): void {
    if (!(callee instanceof Global) || !Array.isArray(args)) throw new RangeError("the pickle calls what is no name");
    this.push(this.#rules.reduce(callee, args));
  }
  /** State of an object that was just made: for dictionaries attributes that say nothing about tensors. */
  build(): void {
    this.#pop();
    if (!(this.peek() instanceof Map))
      throw new RangeError("the pickle sets the state of an object that is no dictionary");
  }
  put(pairs: readonly unknown[]): void {
    const target = this.peek();
    if (!(target instanceof Map)) throw new RangeError("the pickle puts an entry into what is no dictionary");
    for (let i = 0; i + 1 < pairs.length; i += 2) target.set(pairs[i], pairs[i + 1]);
  }
  append(items: readonly unknown[]): void {
    const target = this.peek();
    if (!Array.isArray(target)) throw new RangeError("the pickle appends to what is no list");
    target.push(...items);
  }
}

/** What each instruction does (Python's pickletools). */
const operations: Readonly<Record<number, (m: Machine) => void>> = {
  128: (m) => m.byte(),
  149: (m) => m.take(8),
  40: (m) => m.mark(),
  48: (m) => m.pop(),
  49: (m) => m.toMark(),
  50: (m) => m.push(m.peek()),
  78: (m) => m.push(null),
  136: (m) => m.push(true),
  137: (m) => m.push(false),
  73: (m) => m.push(integer(m.line())),
  76: (m) => m.push(Number(m.line().replace(/L$/, ""))),
  70: (m) => m.push(Number(m.line())),
  74: (m) => m.push(m.int32()),
  75: (m) => m.push(m.byte()),
  77: (m) => m.push(m.uint16()),
  138: (m) => m.push(m.long(m.length(1))),
  139: (m) => m.push(m.long(m.length(4))),
  71: (m) => m.push(m.double()),
  83: (m) => m.push(m.line().slice(1, -1)),
  86: (m) => m.push(m.line()),
  84: (m) => m.push(m.text(m.length(4))),
  85: (m) => m.push(m.text(m.length(1))),
  88: (m) => m.push(m.text(m.length(4))),
  140: (m) => m.push(m.text(m.length(1))),
  141: (m) => m.push(m.text(m.length(8))),
  66: (m) => m.push(m.take(m.length(4))),
  67: (m) => m.push(m.take(m.length(1))),
  142: (m) => m.push(m.take(m.length(8))),
  41: (m) => m.push([]),
  133: (m) => m.push([m.pop()]),
  134: (m) => m.push([m.pop(), m.pop()].reverse()),
  135: (m) => m.push([m.pop(), m.pop(), m.pop()].reverse()),
  116: (m) => m.push(m.toMark()),
  93: (m) => m.push([]),
  108: (m) => m.push(m.toMark()),
  97: (m) => {
    const item = m.pop();
    m.append([item]);
  },
  101: (m) => {
    const items = m.toMark();
    m.append(items);
  },
  125: (m) => m.push(new Map()),
  100: (m) => {
    const pairs = m.toMark();
    m.push(new Map());
    m.put(pairs);
  },
  115: (m) => {
    const value = m.pop();
    const key = m.pop();
    m.put([key, value]);
  },
  117: (m) => {
    const pairs = m.toMark();
    m.put(pairs);
  },
  99: (m) => m.push(new Global(m.line(), m.line())),
  147: (m) => {
    const name = m.pop();
    m.push(new Global(String(m.pop()), String(name)));
  },
  82: (m) => {
    const args = m.pop();
    m.reduce(m.pop(), args);
  },
  129: (m) => {
    const args = m.pop();
    m.reduce(m.pop(), args);
  },
  98: (m) => m.build(),
  80: (m) => m.persistent(m.line()),
  81: (m) => m.persistent(m.pop()),
  112: (m) => m.store(Number(m.line())),
  113: (m) => m.store(m.byte()),
  114: (m) => m.store(m.length(4)),
  148: (m) => m.storeNext(),
  103: (m) => m.fetch(Number(m.line())),
  104: (m) => m.fetch(m.byte()),
  106: (m) => m.fetch(m.length(4)),
};

function integer(line: string): unknown {
  if (line === "00") return false;
  return line === "01" ? true : Number(line);
}

/**
 * Reads the pickle that begins at byte `at`: dictionaries are Maps, tuples and lists arrays; `end` is the byte behind it. Nothing is executed.
 * Throws CMMD573 for what is no pickle, and what `rules` throws.
 */
export function readPickle(
  path: string,
  bytes: Uint8Array,
  rules: PickleRules,
  at = 0,
): { value: Pickled; end: number } {
  const machine = new Machine(bytes, at, rules);
  try {
    const value = machine.run();
    return { value, end: machine.at };
  } catch (cause) {
    if (cause instanceof CmmdError) throw cause;
    throw new CmmdError("CMMD573", `${path}: not a PyTorch file that can be read: ${(cause as Error).message}`, {
      hint: "The file is damaged, was not written completely, or is something else. Fetch it again.",
      cause,
    });
  }
}
