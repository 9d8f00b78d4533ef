import * as tf from "@tensorflow/tfjs";

/**
 * These do not change with their operands but at jumps; tfjs has no gradient for them, so that tf.where fails on x > 0. Operands by
 * the kernels' names for them.
 */
const piecewiseConstant: Readonly<Record<string, readonly string[]>> = {
  All: ["x"],
  Any: ["x"],
  BitwiseAnd: ["a", "b"],
  Equal: ["a", "b"],
  Greater: ["a", "b"],
  GreaterEqual: ["a", "b"],
  Less: ["a", "b"],
  LessEqual: ["a", "b"],
  LogicalAnd: ["a", "b"],
  LogicalNot: ["x"],
  LogicalOr: ["a", "b"],
  NotEqual: ["a", "b"],
  SearchSorted: ["sortedSequence", "values"],
};

for (const [kernelName, inputs] of Object.entries(piecewiseConstant)) {
  tf.registerGradient({
    kernelName,
    inputsToSave: [...inputs],
    gradFunc: (_, saved) =>
      Object.fromEntries(inputs.map((name, i) => [name, () => tf.zeros(saved[i]!.shape as [number])])),
  });
}
