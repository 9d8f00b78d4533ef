import type { tf } from "@cmmd/jit";
import type { Parametrisation } from "../plugin/components.js";

/*
 * x_n = s x0 + r eps with s = sqrt(alphaBar), r = sqrt(1 - alphaBar). Chained methods, so that importing this file loads no tfjs.
 */
const s = (alphaBar: tf.Tensor) => alphaBar.sqrt();
const r = (alphaBar: tf.Tensor) => alphaBar.neg().add(1).sqrt();

/** v = s eps - r x0 (Salimans and Ho 2022); x0 = s x_n - r v, eps = r x_n + s v. */
const velocity: Parametrisation = {
  x0Error: [1, 0],
  target: (x0, eps, alphaBar) => s(alphaBar).mul(eps).sub(r(alphaBar).mul(x0)),
  x0: (xn, v, alphaBar) => s(alphaBar).mul(xn).sub(r(alphaBar).mul(v)),
  eps: (xn, v, alphaBar) => r(alphaBar).mul(xn).add(s(alphaBar).mul(v)),
};

const epsilon: Parametrisation = {
  x0Error: [0, 1],
  target: (_x0, eps) => eps,
  x0: (xn, eps, alphaBar) => xn.sub(r(alphaBar).mul(eps)).div(s(alphaBar)),
  eps: (_xn, eps) => eps,
};

const clean: Parametrisation = {
  x0Error: [1, -1],
  target: (x0) => x0,
  x0: (_xn, x0) => x0,
  eps: (xn, x0, alphaBar) => xn.sub(s(alphaBar).mul(x0)).div(r(alphaBar)),
};

/** The one place that knows what the network predicts, by the name in `diffusion.predict`. */
export const parametrisations = { v: velocity, epsilon, x0: clean };

/** x_n = s x0 + r eps for a batch; alphaBar [B] broadcasts over the trailing dimensions. */
export function diffuse<T extends tf.Tensor>(x0: T, eps: tf.Tensor, alphaBar: tf.Tensor1D): T {
  const alpha = overBatch(alphaBar, x0.rank);
  return s(alpha).mul(x0).add(r(alpha).mul(eps)) as T;
}

/** alphaBar [B] as [B, 1, ...] of the given rank. */
export function overBatch(alphaBar: tf.Tensor1D, rank: number): tf.Tensor {
  return alphaBar.reshape([alphaBar.shape[0], ...Array<number>(rank - 1).fill(1)]);
}
