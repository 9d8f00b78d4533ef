import { type HostTensor, type LossScale, tf } from "@cmmd/jit";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import { scalar } from "./scalars.js";

type AdamOptions = ResolvedPipeline["train"]["optimizer"];

/** Everything that training changes. */
export interface WholeState<T> {
  readonly buckets: readonly TrainState<T>[];
  /** Of mixed precision, and only then. */
  readonly lossScale?: LossScale<T>;
}

/** Everything that training changes, of one bucket of parameters. */
export interface TrainState<T> {
  readonly parameters: T;
  /** Sums of decayed gradients and of their squares: Adam's first moment divided by 1 - beta1, its second divided by 1 - beta2. */
  readonly first: T;
  readonly second: T;
  /** Exponential moving average of the parameters. */
  readonly ema: T;
}

/** The numbers that change from step to step; inputs of the traced program. */
export interface StepScalars<T> {
  /** The learning rate with both bias corrections, and what makes moments of the sums, in it. */
  readonly rate: T;
  /** Adam's epsilon, corrected as the root of the second sum is. */
  readonly epsilon: T;
  /** What the average takes of the new parameters. */
  readonly emaRate: T;
}

/** Learning rate of the step with 0-based index `step`: linear warm-up, then `factor` every so many steps down to `floor`. */
export function learningRate({ rate, warmup, decay }: AdamOptions, step: number): number {
  const warm = Math.min(1, (step + 1) / Math.max(warmup, 1));
  const decayed = decay
    ? Math.max(rate * decay.factor ** Math.floor(step / decay.every), Math.min(decay.floor, rate))
    : rate;
  return warm * decayed;
}

/**
 * Scalars of the step with 0-based index `step`. Adam's moments are m = (1 - beta1) M and v = (1 - beta2) V of the sums M and V, and its
 * corrections c1 and c2 are scalars, so all of that is applied to scalars: with r = sqrt(c2 / (1 - beta2)),
 * rate (m / c1) / (sqrt(v / c2) + epsilon) = (rate r (1 - beta1) / c1) M / (sqrt(V) + epsilon r).
 * The average's decay rises from 0.1 so that early weights are forgotten.
 */
export function stepScalars(optimizer: AdamOptions, ema: number, step: number): StepScalars<number> {
  const { beta1, beta2 } = optimizer;
  const correction1 = 1 - beta1 ** (step + 1);
  const root = Math.sqrt((1 - beta2 ** (step + 1)) / (1 - beta2));
  return {
    rate: (learningRate(optimizer, step) * root * (1 - beta1)) / correction1,
    epsilon: optimizer.epsilon * root,
    emaRate: 1 - Math.min(ema, (1 + step) / (10 + step)),
  };
}

/** The same as a program takes them. */
export function stepTensors(optimizer: AdamOptions, ema: number, step: number): StepScalars<HostTensor> {
  const { rate, epsilon, emaRate } = stepScalars(optimizer, ema, step);
  return { rate: scalar(rate), epsilon: scalar(epsilon), emaRate: scalar(emaRate) };
}

/** Traced: one step of Adam (Kingma and Ba 2015, algorithm 1) on a bucket, and the moving average after it. */
export function adam(
  state: TrainState<tf.Tensor>,
  gradient: tf.Tensor,
  scalars: StepScalars<tf.Tensor>,
  { beta1, beta2 }: AdamOptions,
): TrainState<tf.Tensor> {
  const first = state.first.mul(beta1).add(gradient);
  const second = state.second.mul(beta2).add(gradient.square());
  const parameters = state.parameters.sub(first.div(second.sqrt().add(scalars.epsilon)).mul(scalars.rate));
  const ema = state.ema.add(parameters.sub(state.ema).mul(scalars.emaRate));
  return { parameters, first, second, ema };
}

/** Traced: what gradients are multiplied with so that their common norm is at most `most`, as PyTorch's `clip_grad_norm_` does it. */
export function clipFactor(gradients: readonly tf.Tensor[], most: number): tf.Tensor {
  const norm = tf.addN(gradients.map((gradient) => gradient.square().sum())).sqrt();
  return tf.minimum(norm.add(1e-6).reciprocal().mul(most), 1);
}
