import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import { JitError } from "../errors.js";
import type { Reader } from "../host.js";
import { type DType, Graph, type TensorData, Value } from "../ir/graph.js";
import { fitWebGpu } from "../passes/device-limits.js";
import { nativeCall } from "./native-calls.js";
import { encodeOnnx } from "./onnx.js";

export type Device = "cpu" | "webgpu" | "cuda";

/** Results with fewer elements come back to memory at once: they are read, not fed back. */
const smallResult = 4096;

/** Opens the graph on a device. GPU devices refuse a graph that they cannot run as a whole: no silent CPU. Throws JIT303. */
export async function openSession(graph: Graph, device: Device): Promise<ort.InferenceSession> {
  const common: ort.InferenceSession.SessionOptions = { graphOptimizationLevel: "all", logSeverityLevel: 3 };
  const create = (model: Uint8Array, options: ort.InferenceSession.SessionOptions) =>
    nativeCall(() => ort.InferenceSession.create(model, { ...common, ...options }));
  const noFallback = { extra: { session: { disable_cpu_ep_fallback: "1" } } };
  try {
    if (device === "cpu") {
      return await create(encodeOnnx(graph), {
        executionProviders: ["cpu"],
        intraOpNumThreads: availableParallelism(),
        interOpNumThreads: 1,
        // Microseconds that a thread waits actively for its next share: longer, it takes the core from one that works as soon as the
        // machine has anything else to do; not at all, waking it costs more than many of these nodes take.
        extra: { session: { intra_op: { spin_duration_us: "20" } } },
      });
    }
    if (device === "cuda") return await create(encodeOnnx(graph), { executionProviders: ["cuda"], ...noFallback });
    return await create(encodeOnnx(fitWebGpu(graph)), {
      executionProviders: ["webgpu"],
      ...noFallback,
      preferredOutputLocation: Object.fromEntries(
        graph.outputs.map(({ size }, i) => [`o${i}`, size < smallResult ? "cpu" : "gpu-buffer"] as const),
      ),
    });
  } catch (cause) {
    throw explain(cause, graph, device);
  }
}

/** Runs a program on tensors; results by name. */
export function runSession(
  session: ort.InferenceSession,
  feeds: ort.InferenceSession.FeedsType,
  fetches: ort.InferenceSession.FetchesType,
): Promise<ort.InferenceSession.ReturnType> {
  return nativeCall(() => session.run(feeds, fetches));
}

interface Reason {
  readonly device: Device;
  readonly pattern: RegExp;
  readonly why: string;
  readonly hint: string;
}

/** What the runtime's messages mean for the user. */
const reasons: readonly Reason[] = [
  {
    device: "webgpu",
    pattern: /Failed to get a WebGPU adapter/,
    why: "no usable GPU was found (no Vulkan, Metal or Direct3D 12 driver answers)",
    hint: "Use device cpu, or install the driver of the GPU. On Linux, vulkaninfo --summary lists what Vulkan finds.",
  },
  {
    device: "webgpu",
    pattern: /fallback to CPU EP has been explicitly disabled/,
    why: "it has operators that the WebGPU provider lacks, and nothing runs on the CPU unasked",
    hint: "Use device cpu for this pipeline.",
  },
  {
    device: "cuda",
    pattern: /Failed to load shared library|not enabled in this build/,
    why: "the CUDA libraries are not installed",
    hint: "Install them: node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12",
  },
];

function explain(cause: unknown, graph: Graph, device: Device): unknown {
  if (cause instanceof JitError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const known = reasons.find((reason) => reason.device === device && reason.pattern.test(text));
  return new JitError("JIT303", `program ${graph.name} cannot run on ${device}: ${known?.why ?? text}`, {
    cause,
    ...(known && { hint: known.hint }),
  });
}

const copies = new Map<string, Promise<ort.InferenceSession>>();

/** Reading a GPU buffer directly ends the process; a program that copies its input to memory does not. */
async function readFromGpu(tensor: ort.Tensor): Promise<TensorData> {
  const key = `${tensor.type}[${tensor.dims}]`;
  let session = copies.get(key);
  if (session === undefined) {
    const input = new Value(tensor.dims, tensor.type as DType);
    const model = encodeOnnx(new Graph("read", [input], [], [input]));
    session = nativeCall(() =>
      ort.InferenceSession.create(model, {
        executionProviders: ["webgpu"],
        preferredOutputLocation: "cpu",
        logSeverityLevel: 3,
      }),
    );
    copies.set(key, session);
  }
  const { o0 } = await runSession(await session, { i0: tensor }, { o0: null });
  return o0!.data as TensorData;
}

/** A copy of the tensor's elements, wherever they are. */
export const readTensor: Reader = async (tensor) => {
  if (tensor.location === "cpu") return (tensor.data as TensorData).slice();
  return readFromGpu(tensor);
};
