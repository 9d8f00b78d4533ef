/** One block of Philox4x32-10 (Salmon et al., SC 2011): four 32-bit words from a 128-bit counter and a 64-bit key. */
export function philox(
  [c0, c1, c2, c3]: readonly [number, number, number, number],
  [k0, k1]: readonly [number, number],
): Uint32Array {
  const words = new Uint32Array(4);
  philoxInto(words, c0, c1, c2, c3, k0, k1);
  return words;
}

/** `philox` without an allocation: noise is drawn between the steps of training. */
export function philoxInto(
  words: Uint32Array,
  a: number,
  b: number,
  c: number,
  d: number,
  key0: number,
  key1: number,
): void {
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

/** `count` numbers in [0, 1) of 24 bits, which float32 has exactly: draw number `draw` of a step. */
export function uniformNumbers(count: number, seed: number, step: number, draw: number): Float32Array {
  const numbers = new Float32Array(count);
  const words = new Uint32Array(4);
  for (let i = 0; i < count; i++) {
    if (i % 4 === 0) philoxInto(words, i / 4, draw, step, 0, seed, dropoutKey);
    numbers[i] = (words[i % 4]! >>> 8) / 2 ** 24;
  }
  return numbers;
}

/** Second half of the key, so that these streams are no others' of the same seed: "drop". */
const dropoutKey = 0x64726f70;
