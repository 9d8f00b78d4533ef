import { philoxInto } from "@cmmd/jit/philox";

export { philox } from "@cmmd/jit/philox";

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
