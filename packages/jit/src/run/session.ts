import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import { JitError } from "../errors.js";
import type { Reader } from "../host.js";
import { type DType, Graph, type TensorData, Value } from "../ir/graph.js";
import { fitWebGpu } from "../passes/device-limits.js";
import { encodeOnnx } from "./onnx.js";

export type Device = "cpu" | "webgpu" | "cuda";

/** Results with fewer elements come back to memory at once: they are read, not fed back. */
const smallResult = 4096;

/** Opens the graph on a device. GPU devices refuse a graph that they cannot run as a whole: no silent CPU. */
export async function openSession(graph: Graph, device: Device): Promise<ort.InferenceSession> {
  const model = encodeOnnx(device === "webgpu" ? fitWebGpu(graph) : graph);
  const common: ort.InferenceSession.SessionOptions = { graphOptimizationLevel: "all", logSeverityLevel: 3 };
  try {
    if (device === "cpu") {
      return await ort.InferenceSession.create(model, {
        ...common,
        executionProviders: ["cpu"],
        intraOpNumThreads: availableParallelism(),
        interOpNumThreads: 1,
      });
    }
    return await ort.InferenceSession.create(model, {
      ...common,
      executionProviders: [{ name: device }],
      extra: { session: { disable_cpu_ep_fallback: "1" } },
      ...(device === "webgpu" && {
        preferredOutputLocation: Object.fromEntries(
          graph.outputs.map(({ size }, i) => [`o${i}`, size < smallResult ? "cpu" : "gpu-buffer"] as const),
        ),
      }),
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new JitError("JIT303", `program ${graph.name} cannot run on ${device}: ${reason}`, {
      cause,
      hint: device === "cpu" ? undefined : (missing[device] ?? undefined),
    });
  }
}

const missing: Readonly<Partial<Record<Device, string>>> = {
  webgpu: "Use device cpu, or a machine with a Vulkan, Metal or Direct3D 12 driver.",
  cuda: "Install the CUDA libraries: node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12",
};

const copies = new Map<string, Promise<ort.InferenceSession>>();

/** Reading a GPU buffer directly ends the process; a program that copies its input to memory does not. */
async function readFromGpu(tensor: ort.Tensor): Promise<TensorData> {
  const key = `${tensor.type}[${tensor.dims}]`;
  let session = copies.get(key);
  if (session === undefined) {
    const input = new Value(tensor.dims, tensor.type as DType);
    session = ort.InferenceSession.create(encodeOnnx(new Graph("read", [input], [], [input])), {
      executionProviders: [{ name: "webgpu" }],
      preferredOutputLocation: "cpu",
      logSeverityLevel: 3,
    });
    copies.set(key, session);
  }
  const { o0 } = await (await session).run({ i0: tensor });
  return o0!.data as TensorData;
}

/** A copy of the tensor's elements, wherever they are. */
export const readTensor: Reader = async (tensor) => {
  if (tensor.location === "cpu") return (tensor.data as TensorData).slice();
  return readFromGpu(tensor);
};
