import * as tf from "@tensorflow/tfjs";
import { flattenTree, isTensor, unflattenTree } from "./tree.js";

/**
 * The value of `f` at `params` and its gradient by every tensor of the tree; a tensor without influence has gradient zero.
 * `aux` is whatever tree of tensors else `f` returns. Works in a trace and eagerly, and may be nested.
 */
export function valueAndGrad<P, A = undefined>(
  f: (params: P) => { readonly value: tf.Tensor; readonly aux?: A },
  params: P,
): { value: tf.Scalar; aux: A; grads: P } {
  const { leaves, structure } = flattenTree(params, isTensor);
  let aux: A | undefined;
  const { value, grads } = tf.engine().gradients(
    () => {
      const result = f(params);
      aux = result.aux;
      // The tidy around this function would dispose what is not kept.
      if (aux !== undefined) for (const tensor of flattenTree(aux, isTensor).leaves) tf.keep(tensor);
      return result.value;
    },
    leaves,
    undefined as unknown as tf.Tensor,
    true,
  );
  return {
    value: value as tf.Scalar,
    aux: aux === undefined ? (aux as A) : release(aux),
    grads: unflattenTree(
      structure,
      grads.map((grad, i) => (grad as tf.Tensor | undefined) ?? tf.zerosLike(leaves[i]!)),
    ) as P,
  };
}

/** The same tree, owned by the surrounding tidy again. */
function release<A>(tree: A): A {
  const { leaves, structure } = flattenTree(tree, isTensor);
  return unflattenTree(
    structure,
    leaves.map((kept) => kept.clone()),
  ) as A;
}

/** The value of `f` at one tensor and its gradient there, of the shape of `x`. For guidance. */
export function gradOf<A = undefined>(
  f: (x: tf.Tensor) => { readonly value: tf.Tensor; readonly aux?: A },
  x: tf.Tensor,
): { value: tf.Scalar; aux: A; grad: tf.Tensor } {
  const { value, aux, grads } = valueAndGrad(f, x);
  return { value, aux, grad: grads };
}
