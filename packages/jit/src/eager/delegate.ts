import * as tf from "@tensorflow/tfjs";
import type { JitBackend } from "./backend.js";

type CpuBackend = tf.KernelBackend & {
  makeTensorInfo(shape: number[], dtype: tf.DataType, values: tf.BackendValues): tf.TensorInfo;
};

type Input = tf.TensorInfo | tf.TensorInfo[] | undefined;

/** Whether tfjs's cpu backend has the kernel. */
export const canDelegate = (kernelName: string) => tf.getKernel(kernelName, "cpu") !== undefined;

/**
 * Runs a kernel of tfjs's cpu backend on the values of the tensors: for results whose shape depends on data, strings, complex numbers and
 * empty tensors, which static programs do not have.
 */
export function delegate(
  kernelName: string,
  jit: JitBackend,
  inputs: tf.NamedTensorInfoMap,
  attrs: tf.NamedAttrMap | undefined,
): tf.TensorInfo | tf.TensorInfo[] {
  const cpu = tf.findBackend("cpu") as CpuBackend;
  const used: tf.TensorInfo[] = [];
  const copy = (info: tf.TensorInfo): tf.TensorInfo => {
    const values = jit.readSync(info.dataId);
    const copied =
      info.dtype === "complex64"
        ? complexInfo(cpu, info.shape, values as Float32Array)
        : cpu.makeTensorInfo(info.shape, info.dtype, values);
    used.push(copied);
    return copied;
  };
  // Some kernels take a list of tensors, and some a list among their inputs.
  const entries = Object.entries(inputs as Record<string, Input>).map(
    ([name, info]) => [name, Array.isArray(info) ? info.map(copy) : info && copy(info)] as const,
  );
  const copies = Array.isArray(inputs) ? entries.map(([, info]) => info) : Object.fromEntries(entries);
  const result = tf.getKernel(kernelName, "cpu")!.kernelFunc({
    inputs: copies as tf.NamedTensorInfoMap,
    backend: cpu,
    ...(attrs && { attrs }),
  });
  const take = (info: tf.TensorInfo): tf.TensorInfo => {
    used.push(info);
    const values = cpu.readSync(info.dataId);
    return { dataId: jit.write(values, info.shape, info.dtype), shape: info.shape, dtype: info.dtype };
  };
  const taken = Array.isArray(result) ? result.map(take) : take(result as tf.TensorInfo);
  for (const { dataId } of used) cpu.disposeData(dataId, true);
  return taken;
}

/** A complex tensor from pairs of real and imaginary parts. */
function complexInfo(cpu: CpuBackend, shape: number[], pairs: Float32Array): tf.TensorInfo {
  const { real, imag } = tf.backend_util.splitRealAndImagArrays(pairs);
  const part = (values: Float32Array) => cpu.makeTensorInfo(shape, "float32", values);
  const parts = { real: part(real), imag: part(imag) };
  return tf.getKernel("Complex", "cpu")!.kernelFunc({ inputs: parts, backend: cpu }) as tf.TensorInfo;
}
