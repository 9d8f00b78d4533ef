import * as tf from "@tensorflow/tfjs";
import { registerEagerKernel } from "../eager/kernels.js";
import { JitError } from "../errors.js";
import type { Builder } from "../ir/builder.js";
import type { Value } from "../ir/graph.js";
import { traceBackend, traceBackendName } from "./backend.js";
import { atPlace, callSite } from "./call-site.js";
import { lowerings } from "./kernels/index.js";
import { leftOut } from "./kernels/left-out.js";

/** Records one tfjs kernel: inputs by tfjs's names, attributes as tfjs passes them. */
export type Lowering = (b: Builder, inputs: Readonly<Record<string, Value>>, attrs: never) => Value | readonly Value[];

/** Makes a tfjs kernel traceable, and lazy on backend "jit". */
export function registerLowering(kernelName: string, lowering: Lowering): void {
  registerEagerKernel(kernelName, lowering);
  tf.registerKernel({
    kernelName,
    backendName: traceBackendName,
    kernelFunc: ({ inputs, attrs }) => {
      const values = Object.fromEntries(
        Object.entries(inputs).flatMap(([name, info]) => (info ? [[name, traceBackend.value(info)]] : [])),
      );
      try {
        const result = lowering(traceBackend.builder, values, (attrs ?? {}) as never);
        return Array.isArray(result)
          ? result.map((value) => traceBackend.info(value))
          : traceBackend.info(result as Value);
      } catch (error) {
        const { code, hint } =
          error instanceof JitError
            ? error
            : { code: "JIT203", hint: "Shapes are known in a trace: console.log(tensor.shape)." };
        throw new JitError(code, `${kernelName}${atPlace()}: ${(error as Error).message}`, {
          ...(hint !== undefined && { hint }),
          cause: error,
        });
      }
    },
  });
}

for (const [kernelName, lowering] of Object.entries(lowerings)) registerLowering(kernelName, lowering);

for (const { kernelName } of tf.getKernelsForBackend("cpu")) {
  if (kernelName in lowerings) continue;
  registerEagerKernel(kernelName, undefined);
  tf.registerKernel({
    kernelName,
    backendName: traceBackendName,
    kernelFunc: () => {
      const site = callSite();
      const reason = leftOut[kernelName];
      const called = site.called ? ` (${site.called})` : "";
      throw new JitError(
        reason?.code ?? "JIT106",
        `the operation ${kernelName} cannot be traced${called}${atPlace(site)}${reason ? `: ${reason.why}` : ""}`,
        {
          hint:
            reason?.hint ??
            "Write it with other tf operations, or compute it outside jit and pass the result as an argument.",
        },
      );
    },
  });
}
