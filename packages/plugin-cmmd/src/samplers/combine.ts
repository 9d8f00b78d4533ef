import type { Arrays } from "@cmmd/core";

function sumOfTwo(a: number, x: Float32Array, b: number, y: Float32Array): Float32Array {
  const out = new Float32Array(x.length);
  for (let i = 0; i < out.length; i++) out[i] = a * x[i]! + b * y[i]!;
  return out;
}

function sumOfThree(a: number, x: Float32Array, b: number, y: Float32Array, c: number, z: Float32Array): Float32Array {
  const out = new Float32Array(x.length);
  for (let i = 0; i < out.length; i++) out[i] = a * x[i]! + b * y[i]! + c * z[i]!;
  return out;
}

/** a x + b y of both modalities, or a x + b y + c z: every sampler's step is one of these. */
export function combine(a: number, x: Arrays, b: number, y: Arrays, c?: number, z?: Arrays): Arrays {
  if (c === undefined || c === 0 || !z)
    return { video: sumOfTwo(a, x.video, b, y.video), audio: sumOfTwo(a, x.audio, b, y.audio) };
  return {
    video: sumOfThree(a, x.video, b, y.video, c, z.video),
    audio: sumOfThree(a, x.audio, b, y.audio, c, z.audio),
  };
}
