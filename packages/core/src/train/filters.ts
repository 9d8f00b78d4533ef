import type { tf } from "@cmmd/jit";
import { sizeOf } from "../plugin/tensors.js";

/*
 * PyTorch keeps the filters of a convolution as [O, C, ...kernel]. Products read them as [taps, C, O], so that is how the training state
 * keeps them; a program would otherwise bring each of them into that order, and its gradient back, on every step.
 */

/** Number of a filter's taps; 1 for whatever is no filter. */
const tapsOf = (shape: readonly number[]) => sizeOf(shape.slice(2));

/** Shape in the training state: [taps, C O] for a filter of several taps, [O, C] for one of a single tap, otherwise as it is. */
export function storedShape(shape: readonly number[]): readonly number[] {
  const [out, into] = shape as readonly [number, number];
  if (shape.length < 3) return shape;
  return tapsOf(shape) === 1 ? [out, into] : [tapsOf(shape), into * out];
}

/** Numbers of a row of the parameter in the training state: outputs of a filter of several taps, otherwise inputs, or all of a vector. */
export const storedRow = (shape: readonly number[]): number =>
  tapsOf(shape) > 1 ? shape[0]! : (shape[1] ?? shape[0] ?? 1);

/** Traced: a parameter of PyTorch's `shape`, as a view of the stored one. */
export function shown(stored: tf.Tensor, shape: readonly number[]): tf.Tensor {
  if (tapsOf(shape) === 1) return stored.reshape([...shape]);
  // Three dimensions rather than all of the kernel's: the transpose then meets and cancels that of the convolution.
  return stored
    .reshape([tapsOf(shape), shape[1]!, shape[0]!])
    .transpose([2, 1, 0])
    .reshape([...shape]);
}

/** Outputs that are moved together: so many rows of a filter stay in the cache until all of their elements are used. */
const block = 32;

/** Cuts a filter into runs of `count` outputs of one (c, tap): `stride` apart in PyTorch's order, neighbours in the stored one. */
function permute(
  shape: readonly number[],
  move: (inFilter: number, inStored: number, stride: number, count: number) => void,
): void {
  const [out, into] = shape as readonly [number, number];
  const taps = tapsOf(shape);
  const stride = into * taps;
  for (let o = 0; o < out; o += block) {
    const count = Math.min(block, out - o);
    for (let c = 0; c < into; c++)
      for (let tap = 0; tap < taps; tap++) move(o * stride + c * taps + tap, (tap * into + c) * out + o, stride, count);
  }
}

/** Puts a parameter of PyTorch's `shape` into `stored` in the order of the training state. */
export function toStored(filter: Float32Array, shape: readonly number[], stored: Float32Array): void {
  if (tapsOf(shape) === 1) stored.set(filter);
  else
    permute(shape, (from, to, stride, count) => {
      for (let i = 0; i < count; i++) stored[to + i] = filter[from + i * stride]!;
    });
}

/** The inverse of `toStored`. */
export function fromStored(stored: Float32Array, shape: readonly number[], filter: Float32Array): void {
  if (tapsOf(shape) === 1) filter.set(stored);
  else
    permute(shape, (to, from, stride, count) => {
      for (let i = 0; i < count; i++) filter[to + i * stride] = stored[from + i]!;
    });
}
