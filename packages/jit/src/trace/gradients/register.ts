import * as tf from "@tensorflow/tfjs";

/** Gradients by a kernel's inputs, from dy, the saved inputs and outputs, and the kernel's attributes. */
export type Gradient<A> = (dy: tf.Tensor, saved: tf.Tensor[], attrs: A) => Record<string, () => tf.Tensor>;

/** Registers the gradient of a kernel of one result. */
export function registerGradient<A = object>(kernelName: string, inputsToSave: string[], gradient: Gradient<A>): void {
  tf.registerGradient({
    kernelName,
    inputsToSave,
    gradFunc: (dy, saved, attrs) => gradient(dy as tf.Tensor, saved, attrs as A),
  });
}

/** Runs a kernel of one result by its name. */
export const runKernel = (kernelName: string, inputs: Record<string, tf.Tensor>, attrs: object): tf.Tensor =>
  tf.engine().runKernel(kernelName, inputs, attrs as tf.NamedAttrMap);
