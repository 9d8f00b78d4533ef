/**
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
 * A stream is a pure function of its key, so resuming needs no generator state and batch size changes nothing.
 */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform integer in [0, below). */
  integer(below: number): number;
  /** Standard normal values. */
  normal(count: number): Float32Array;
}

/** One block of Philox4x32-10: four 32-bit words from a 128-bit counter and a 64-bit key. */
export function philox(
  [c0, c1, c2, c3]: readonly [number, number, number, number],
  [k0, k1]: readonly [number, number],
): Uint32Array {
  const words = new Uint32Array(4);
  philoxInto(words, c0, c1, c2, c3, k0, k1);
  return words;
}

/** `philox` without an allocation: noise is drawn between the steps of training. */
function philoxInto(words: Uint32Array, a: number, b: number, c: number, d: number, key0: number, key1: number): void {
  let [c0, c1, c2, c3] = [a | 0, b | 0, c | 0, d | 0];
  let [k0, k1] = [key0 | 0, key1 | 0];
  for (let round = 0; round < 10; round++) {
    const h0 = multiplyHigh(0xd251, 0x1f53, c0);
    const h1 = multiplyHigh(0xcd9e, 0x8d57, c2);
    const l0 = Math.imul(0xd2511f53, c0);
    const l1 = Math.imul(0xcd9e8d57, c2);
    c0 = h1 ^ c1 ^ k0;
    c1 = l1;
    c2 = h0 ^ c3 ^ k1;
    c3 = l0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/** The high word of a product of 32-bit words, the first one given in halves; in 32-bit integers throughout, which is what is fast. */
function multiplyHigh(high: number, low: number, word: number): number {
  const upper = word >>> 16;
  const lower = word & 0xffff;
  const middle = (Math.imul(upper, low) + (Math.imul(lower, low) >>> 16)) | 0;
  const cross = (Math.imul(lower, high) + (middle & 0xffff)) | 0;
  return (Math.imul(upper, high) + (middle >>> 16) + (cross >>> 16)) | 0;
}

/** 32-bit FNV-1a of a purpose's name. */
function hashName(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** The stream keyed by `(seed, purpose)` and up to three counters such as step and item. */
export function stream(seed: number, purpose: string, a = 0, b = 0, c = 0): Random {
  const [key0, key1] = [seed >>> 0, hashName(purpose)];
  let block = 0;
  const words = new Uint32Array(4);
  let used = 4;
  const next = () => {
    if (used === 4) {
      philoxInto(words, block++, a, b, c, key0, key1);
      used = 0;
    }
    return words[used++]!;
  };
  const uniform = () => next() / 4294967296;
  return {
    uniform,
    integer: (below) => Math.floor(uniform() * below),
    normal: (count) => {
      const out = new Float32Array(count);
      for (let i = 0; i < count; i += 2) {
        const radius = Math.sqrt(-2 * Math.log((next() + 1) / 4294967296));
        const angle = (2 * Math.PI * next()) / 4294967296;
        out[i] = radius * Math.cos(angle);
        if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
      }
      return out;
    },
  };
}
