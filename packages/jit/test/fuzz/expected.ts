import { tf } from "../../src/index.js";
import type { TensorData } from "../../src/ir/graph.js";
import { tensorOf } from "./generate.js";
import { type Disturb, evaluate, type Program } from "./program.js";
import { Random } from "./random.js";

/** What tfjs's cpu backend computes, and how far another correct computation may be from it. */
export interface Expected {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly data: TensorData;
  /** By element; NaN where rounding decides between a number and NaN or infinity. */
  readonly tolerance: Float64Array;
}

/** Relative size of the disturbance: some ten roundings to float32. */
const disturbance = 1e-6;
const absoluteTolerance = 1e-7;

/** Some last digits of numbers near 1, which ONNX Runtime's sigmoid leaves out far from zero. */
const lastDigits = 1e-6;

/** Changes float32 tensors in their last digits, in the opposite way with the other sign. */
function disturbed(seed: number, sign: number): Disturb {
  const r = new Random(seed);
  const noise = (x: tf.Tensor) =>
    tf.tensor(
      Float32Array.from({ length: x.size }, () => sign * r.uniform(-1, 1)),
      x.shape,
    );
  const change = (x: tf.Tensor, absolute: tf.Tensor | number) =>
    x.mul(noise(x).mul(disturbance).add(1)).add(noise(x).mul(absolute));
  return {
    result: (x, rounding) => change(x, rounding === "absolute" ? lastDigits : 0),
    // Sums over terms of both signs lose digits, which tfjs's gradients do within.
    gradient: (dy) => change(dy, dy.abs().max().mul(disturbance)),
  };
}

/** What rounding leaves of a sum that should be zero, or of a difference of equal numbers, is lost. */
const coarse: Disturb = {
  result: (x) => x.mul(2 ** 20).round().div(2 ** 20), // biome-ignore format: one line
  gradient: (dy) => dy,
};

/**
 * The results of the program on tfjs's cpu backend. A tolerance that suits every chain of operations is measured: the same program
 * with its intermediate values disturbed shows how much each element of a result depends on the rounding of those before it.
 */
export function expected(program: Program): Expected[] {
  const run = (disturb?: Disturb) =>
    tf.tidy(() =>
      evaluate(program, program.inputs.map(tensorOf), disturb).map((x) => ({
        shape: x.shape,
        dtype: x.dtype as string,
        data: x.dataSync().slice() as TensorData,
      })),
    );
  const results = run();
  const others = [disturbed(1, 1), disturbed(1, -1), disturbed(2, 1), disturbed(2, -1), coarse].map(run);
  return results.map((result, o) => ({
    ...result,
    tolerance: Float64Array.from(result.data, (value, i) =>
      others.reduce((most, other) => Math.max(most, allowed(value, other[o]!.data[i]!)), 0),
    ),
  }));
}

function allowed(value: number, other: number): number {
  if (Object.is(value, other)) return absoluteTolerance + (Number.isFinite(value) ? Math.abs(value) * disturbance : 0);
  const distance = Math.abs(value - other);
  return Number.isFinite(distance) ? absoluteTolerance + Math.abs(value) * disturbance + 3 * distance : Number.NaN;
}
