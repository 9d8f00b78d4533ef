import * as tf from "@tensorflow/tfjs";
import { JitError } from "../errors.js";
import type { Builder } from "../ir/builder.js";
import type { Value } from "../ir/graph.js";
import { traceBackend, traceBackendName } from "./backend.js";
import { elementwise } from "./kernels/elementwise.js";
import { dataMovement } from "./kernels/movement.js";
import { products } from "./kernels/products.js";
import { reductions } from "./kernels/reductions.js";

/** Records one tfjs kernel: inputs by tfjs's names, attributes as tfjs passes them. */
export type Lowering = (b: Builder, inputs: Readonly<Record<string, Value>>, attrs: never) => Value | readonly Value[];

/** Makes a tfjs kernel traceable. */
export function registerLowering(kernelName: string, lowering: Lowering): void {
  tf.registerKernel({
    kernelName,
    backendName: traceBackendName,
    kernelFunc: ({ inputs, attrs }) => {
      const values = Object.fromEntries(
        Object.entries(inputs).flatMap(([name, info]) => (info ? [[name, traceBackend.value(info)]] : [])),
      );
      const result = lowering(traceBackend.builder, values, (attrs ?? {}) as never);
      return Array.isArray(result)
        ? result.map((value) => traceBackend.info(value))
        : traceBackend.info(result as Value);
    },
  });
}

const lowerings: Readonly<Record<string, Lowering>> = { ...elementwise, ...reductions, ...dataMovement, ...products };

for (const [kernelName, lowering] of Object.entries(lowerings)) registerLowering(kernelName, lowering);

for (const { kernelName } of tf.getKernelsForBackend("cpu")) {
  if (kernelName in lowerings) continue;
  tf.registerKernel({
    kernelName,
    backendName: traceBackendName,
    kernelFunc: () => {
      throw new JitError("JIT106", `the operation ${kernelName} cannot be traced`, {
        hint: "Write it with other tf operations, or compute it outside jit and pass the result as an argument.",
      });
    },
  });
}
