import type { tf } from "@cmmd/jit";
import type { ResolvedPipeline } from "../pipeline/resolved.js";

type AdamOptions = ResolvedPipeline["train"]["optimizer"];

/** Everything that training changes: flat vectors of all parameters in their stable order. */
export interface TrainState<T> {
  readonly parameters: T;
  /** Adam's first and second moments. */
  readonly first: T;
  readonly second: T;
  /** Exponential moving average of the parameters. */
  readonly ema: T;
}

/** The numbers that change from step to step; inputs of the traced program. */
export interface StepScalars<T> {
  readonly rate: T;
  readonly correction1: T;
  readonly correction2: T;
  readonly emaDecay: T;
}

/** Learning rate of the step with 0-based index `step`: linear warm-up, then `factor` every so many steps down to `floor`. */
export function learningRate({ rate, warmup, decay }: AdamOptions, step: number): number {
  const warm = Math.min(1, (step + 1) / Math.max(warmup, 1));
  const decayed = decay
    ? Math.max(rate * decay.factor ** Math.floor(step / decay.every), Math.min(decay.floor, rate))
    : rate;
  return warm * decayed;
}

/** Scalars of the step with 0-based index `step`. The average's decay rises from 0.1 so that early weights are forgotten. */
export function stepScalars(optimizer: AdamOptions, ema: number, step: number): StepScalars<number> {
  return {
    rate: learningRate(optimizer, step),
    correction1: 1 - optimizer.beta1 ** (step + 1),
    correction2: 1 - optimizer.beta2 ** (step + 1),
    emaDecay: Math.min(ema, (1 + step) / (10 + step)),
  };
}

/** Traced: one step of Adam (Kingma and Ba 2015, algorithm 1) on flat vectors, and the moving average after it. */
export function adam(
  state: TrainState<tf.Tensor>,
  gradient: tf.Tensor,
  scalars: StepScalars<tf.Tensor>,
  { beta1, beta2, epsilon }: AdamOptions,
): TrainState<tf.Tensor> {
  const first = state.first.mul(beta1).add(gradient.mul(1 - beta1));
  const second = state.second.mul(beta2).add(gradient.square().mul(1 - beta2));
  const update = first.div(scalars.correction1).div(second.div(scalars.correction2).sqrt().add(epsilon));
  const parameters = state.parameters.sub(update.mul(scalars.rate));
  const ema = state.ema.mul(scalars.emaDecay).add(parameters.mul(scalars.emaDecay.neg().add(1)));
  return { parameters, first, second, ema };
}
