import * as tf from "@tensorflow/tfjs";
import { JitError } from "./errors.js";
import { atPlace } from "./trace/call-site.js";
import { flattenTree, isTensor, unflattenTree } from "./tree.js";

/**
 * The value of `f` at `params` and its gradient by every tensor of the tree; a tensor without influence has gradient zero.
 * `aux` is whatever tree of tensors else `f` returns. Works in a trace and eagerly, and may be nested. Throws JIT305.
 */
export function valueAndGrad<P, A = undefined>(
  f: (params: P) => { readonly value: tf.Tensor; readonly aux?: A },
  params: P,
): { value: tf.Scalar; aux: A; grads: P } {
  const { leaves, structure } = tensorsOf(params, "parameters");
  let aux: A | undefined;
  const { value, grads } = tf.engine().gradients(
    () => {
      const result = f(params);
      if (!isTensor((result as Partial<typeof result> | undefined)?.value)) {
        throw new JitError("JIT305", `the function given to valueAndGrad returned no value${atPlace()}`, {
          hint: "Return { value } with a tensor in it, and aux if there is more.",
        });
      }
      // The tidy around this function would dispose what is not kept; a copy, as the tensor may be the caller's own.
      if (result.aux !== undefined) aux = mapTensors(result.aux, (tensor) => tf.keep(tensor.clone()));
      return result.value;
    },
    leaves,
    undefined as unknown as tf.Tensor,
    true,
  );
  return {
    value: value as tf.Scalar,
    aux: aux === undefined ? (aux as A) : mapTensors(aux, release),
    grads: unflattenTree(
      structure,
      grads.map((grad, i) => (grad as tf.Tensor | undefined) ?? tf.zerosLike(leaves[i]!)),
    ) as P,
  };
}

function tensorsOf(tree: unknown, what: string) {
  try {
    return flattenTree(tree, isTensor);
  } catch (cause) {
    throw new JitError("JIT305", `${what} of valueAndGrad${atPlace()}: ${(cause as Error).message}`, {
      cause,
      hint: "They are tensors, or arrays and objects of tensors.",
    });
  }
}

function mapTensors<A>(tree: A, f: (tensor: tf.Tensor) => tf.Tensor): A {
  const { leaves, structure } = tensorsOf(tree, "aux");
  return unflattenTree(structure, leaves.map(f)) as A;
}

/** The same tensor, owned by the surrounding tidy again. */
function release(kept: tf.Tensor): tf.Tensor {
  const tensor = kept.clone();
  kept.dispose();
  return tensor;
}

/** The value of `f` at one tensor and its gradient there, of the shape of `x`. For guidance. */
export function gradOf<A = undefined>(
  f: (x: tf.Tensor) => { readonly value: tf.Tensor; readonly aux?: A },
  x: tf.Tensor,
): { value: tf.Scalar; aux: A; grad: tf.Tensor } {
  const { value, aux, grads } = valueAndGrad(f, x);
  return { value, aux, grad: grads };
}
