import * as tf from "@tensorflow/tfjs";
import { JitError } from "../errors.js";
import { sizeOf } from "../ir/graph.js";
import type { Lowering } from "../trace/lowering.js";
import { type JitBackend, jitBackendName } from "./backend.js";
import { canDelegate, delegate } from "./delegate.js";

type Kernel = (args: {
  readonly inputs: tf.NamedTensorInfoMap;
  readonly attrs?: tf.NamedAttrMap;
  readonly backend: JitBackend;
}) => tf.TensorInfo | tf.TensorInfo[];

const register = (kernelName: string, kernel: Kernel) =>
  tf.registerKernel({ kernelName, backendName: jitBackendName, kernelFunc: kernel as unknown as tf.KernelFunc });

const dtypes: ReadonlySet<string> = new Set(["float32", "int32", "bool"]);
const isStatic = (info: tf.TensorInfo | undefined) =>
  info === undefined || (dtypes.has(info.dtype) && sizeOf(info.shape) > 0);
/** Whether programs have such tensors, and the dtype that is asked for. */
const fits = (inputs: tf.NamedTensorInfoMap, attrs: tf.NamedAttrMap | undefined) =>
  Object.values(inputs).every(isStatic) && (attrs?.dtype === undefined || dtypes.has(attrs.dtype as string));

/** Makes a kernel available on backend "jit": recorded by its lowering, or run by tfjs's cpu backend where there is none for such inputs. */
export function registerEagerKernel(kernelName: string, lowering: Lowering | undefined): void {
  if (kernelName in aliases) return;
  register(kernelName, ({ inputs, attrs, backend }) => {
    if (lowering === undefined || !fits(inputs, attrs)) return delegate(kernelName, backend, inputs, attrs);
    const values = Object.fromEntries(
      Object.entries(inputs).flatMap(([name, info]) => (info ? [[name, backend.value(info)]] : [])),
    );
    try {
      const result = lowering(backend.graph, values, (attrs ?? {}) as never);
      return Array.isArray(result) ? result.map((value) => backend.info(value)) : backend.info(result as never);
    } catch (error) {
      if (error instanceof JitError && canDelegate(kernelName)) return delegate(kernelName, backend, inputs, attrs);
      throw error;
    }
  });
}

/** Kernels that only name the same data again; tfjs expects that they allocate nothing. */
const aliases: Readonly<Record<string, Kernel>> = {
  Identity: ({ inputs, backend }) => backend.alias(inputs.x!, inputs.x!.shape),
  Reshape: ({ inputs, attrs, backend }) => {
    const { x } = inputs;
    const shape = tf.util.inferFromImplicitShape(attrs!.shape as number[], sizeOf(x!.shape));
    tf.util.assert(
      sizeOf(x!.shape) === sizeOf(shape),
      () => `new shape [${shape}] and old shape [${x!.shape}] must have the same number of elements`,
    );
    return backend.alias(x!, shape);
  },
  ExpandDims: ({ inputs, attrs, backend }) => {
    const { shape } = inputs.input!;
    const dim = attrs!.dim as number;
    const at = dim < 0 ? dim + shape.length + 1 : dim;
    tf.util.assert(at >= 0, () => `axis ${dim} is out of range for a tensor of rank ${shape.length}`);
    return backend.alias(inputs.input!, [...shape.slice(0, at), 1, ...shape.slice(at)]);
  },
};

for (const [kernelName, kernel] of Object.entries(aliases)) register(kernelName, kernel);
