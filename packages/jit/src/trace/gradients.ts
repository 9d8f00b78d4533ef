import * as tf from "@tensorflow/tfjs";

/** Comparisons do not change with their operands but at jumps; tfjs has no gradient for them, so that tf.where fails on x > 0. */
const piecewiseConstant = ["Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual"];

for (const kernelName of piecewiseConstant) {
  tf.registerGradient({
    kernelName,
    inputsToSave: ["a", "b"],
    gradFunc: (_, [a, b]) => ({ a: () => tf.zerosLike(a!), b: () => tf.zerosLike(b!) }),
  });
}
