import type { HostTensor } from "@cmmd/jit";

export const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** `size` values in [-1, 1) that belong to an index: the hash of the specification's section 2. */
export function hashed(index: number, size: number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => {
    let h = Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca77);
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
    h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
    h ^= h >>> 15;
    return (h >>> 0) / 2 ** 31 - 1;
  });
}

/** The parameter with this index and name by the closed formula of the specification's section 2. */
export function formula(index: number, name: string, shape: readonly number[]): Float32Array {
  const size = product(shape);
  const isNorm = /\.(n1|n2|norm)\.weight$|^[va]_out\.0\.weight$/.test(name);
  const fan = Math.sqrt(size / shape[0]!);
  return Float32Array.from(hashed(index, size), (x) => {
    if (shape.length > 1) return x / fan;
    return isNorm ? 1 + 0.1 * x : 0.1 * x;
  });
}

/** Row-major data of `shape` with its axes reordered. */
export function transpose(values: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = shape.map((_, i) => product(shape.slice(i + 1)));
  const target = order.map((axis) => shape[axis]!);
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) {
    let rest = i;
    let from = 0;
    for (let axis = target.length - 1; axis >= 0; axis--) {
      from += (rest % target[axis]!) * strides[order[axis]!]!;
      rest = Math.floor(rest / target[axis]!);
    }
    out[i] = values[from]!;
  }
  return out;
}

/** The formula's inputs, channels-last, for shape [batch, frames, height = width, mel frames]. */
export function formulaInputs(
  [b, f, h, t]: readonly [number, number, number, number],
  videoChannels: number,
  audioBins: number,
): Record<"video" | "audio" | "n", HostTensor> {
  const fill = (shape: readonly number[], value: (i: number) => number) =>
    Float32Array.from({ length: product(shape) }, (_, i) => value(i));
  const video = [b, videoChannels, f, h, h];
  const audio = [b, audioBins, t];
  const waves = { video: fill(video, (i) => Math.sin(0.11 * i + 0.3)), audio: fill(audio, (i) => Math.cos(0.07 * i)) };
  return {
    video: { shape: [b, f, h, h, videoChannels], data: transpose(waves.video, video, [0, 2, 3, 4, 1]) },
    audio: { shape: [b, t, audioBins], data: transpose(waves.audio, audio, [0, 2, 1]) },
    n: { shape: [b], data: Float32Array.of(123, 777).slice(0, b) },
  };
}
