import type { Builder } from "../../ir/builder.js";
import type { Value } from "../../ir/graph.js";
import { elementwise } from "./elementwise.js";

/** tfjs's names of what a fused kernel applies to its result. */
export type Activation = "linear" | "relu" | "relu6" | "elu" | "sigmoid" | "leakyrelu" | "prelu";

const kernels: Readonly<Record<Exclude<Activation, "linear">, string>> = {
  relu: "Relu",
  relu6: "Relu6",
  elu: "Elu",
  sigmoid: "Sigmoid",
  leakyrelu: "LeakyRelu",
  prelu: "Prelu",
};

/** The activation of a fused kernel; `slopes` are prelu's, `alpha` is leakyrelu's. */
export function activate(
  b: Builder,
  x: Value,
  activation: Activation | null | undefined,
  slopes?: Value,
  alpha = 0.2,
): Value {
  if (!activation || activation === "linear") return x;
  const inputs: Readonly<Record<string, Value>> = slopes === undefined ? { x } : { x, alpha: slopes };
  return elementwise[kernels[activation]]!(b, inputs, { alpha } as never) as Value;
}
