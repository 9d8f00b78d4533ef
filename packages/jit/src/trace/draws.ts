import type * as tf from "@tensorflow/tfjs";
import { isRunning } from "./call-site.js";

/** Gives the random numbers of a shape, uniform in [0, 1): as numbers, or as a tensor of the trace that holds them when the program runs. */
type Draw = (shape: readonly number[]) => Float32Array | tf.Tensor;

let current: Draw | undefined;

/** Runs `f` with the numbers that `tf.dropout` and the layers made of it draw in it taken from `draw`. */
export function withDraws<R>(draw: Draw, f: () => R): R {
  const before = current;
  current = draw;
  try {
    return f();
  } finally {
    current = before;
  }
}

const uniform = /\brandomUniform_?$/;
const dropout = /\bdropout_?$|\bAlphaDropout\.call$/;

/** The numbers for what tfjs writes now, when they are random ones of a dropout and somebody gives them. */
export function drawn(shape: readonly number[]): Float32Array | tf.Tensor | undefined {
  return current && isRunning(uniform) && isRunning(dropout) ? current(shape) : undefined;
}
