import * as tf from "@tensorflow/tfjs";
import { valueAndGrad } from "./grad.js";
import { flattenTree, isTensor, unflattenTree } from "./tree.js";

/** Part of a training state: two scalars. */
export interface LossScale<T> {
  /** What the loss is multiplied with before its gradient is taken. */
  readonly scale: T;
  /** Steps with finite gradients since the scale changed. */
  readonly good: T;
}

export interface LossScaleOptions {
  /** Steps with finite gradients after which the scale doubles. Default 2000. */
  readonly every?: number;
  /** The largest scale. Default 2^24. */
  readonly most?: number;
}

/** More than this is infinite. */
const largest = 3e38;

/**
 * `valueAndGrad` with the loss multiplied by `scale` on the way, so that small gradients survive in float16; value and gradients come
 * back unscaled. `finite` is a bool scalar: whether no gradient overflowed. (Micikevicius et al. 2018, section 3.2.)
 */
export function scaledValueAndGrad<P, A = undefined>(
  f: (params: P) => { readonly value: tf.Tensor; readonly aux?: A },
  params: P,
  scale: tf.Tensor,
): { value: tf.Scalar; aux: A; grads: P; finite: tf.Scalar } {
  const scaled = valueAndGrad((p: P) => {
    const { value, ...rest } = f(p);
    return { value: value.mul(scale), ...rest };
  }, params);
  const { leaves, structure } = flattenTree(scaled.grads, isTensor);
  const grads = leaves.map((grad) => grad.div(scale));
  // A comparison with NaN is false.
  const finite = tf.addN(grads.map((grad) => grad.abs().sum())).less(largest) as tf.Scalar;
  return {
    value: scaled.value.div(scale),
    aux: scaled.aux,
    grads: unflattenTree(structure, grads) as P,
    finite,
  };
}

/** The scale of the next step: half after an overflow, double after `every` steps without one. */
export function nextLossScale(
  { scale, good }: LossScale<tf.Tensor>,
  finite: tf.Tensor,
  { every = 2000, most = 2 ** 24 }: LossScaleOptions = {},
): LossScale<tf.Tensor> {
  const count = good.add(1);
  const grow = count.greaterEqual(every);
  const raised = tf.where(grow, scale.mul(2).minimum(most), scale);
  return {
    scale: tf.where(finite, raised, scale.mul(0.5).maximum(1)),
    good: tf.where(finite, tf.where(grow, tf.zerosLike(count), count), tf.zerosLike(count)),
  };
}

/** `next` where the step was finite, else `previous`: a step that overflowed changes nothing. Trees of the same structure. */
export function keepFinite<T>(finite: tf.Tensor, next: T, previous: T): T {
  const { leaves, structure } = flattenTree(next, isTensor);
  const { leaves: before } = flattenTree(previous, isTensor);
  return unflattenTree(
    structure,
    leaves.map((tensor, i) => tf.where(finite, tensor, before[i]!)),
  ) as T;
}
