import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import { JitError } from "../errors.js";
import { Graph, sizeOf, type TensorData, Value } from "../ir/graph.js";
import type { Device } from "./device.js";
import { nativeCall } from "./native-calls.js";
import type { OnceModel } from "./once.js";
import { encodeOnnx } from "./onnx.js";

/** Shape and type of one result. */
export interface OutputSpec {
  readonly shape: readonly number[];
  readonly dtype: string;
  /** Index of the donated input that it may be written over. */
  readonly over?: number;
}

/** A program in ONNX's form, ready to be opened. */
export interface Model {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly outputs: readonly OutputSpec[];
  /** Shapes that are inputs: see open-shapes.ts. */
  readonly shapes?: readonly (readonly number[])[];
  /** Whether ONNX Runtime has optimised it already, for this device and machine. */
  readonly optimised: boolean;
  /** What is computed from the weights first. */
  readonly once?: OnceModel;
}

export interface OpenOptions {
  /** Data of the frozen inputs, by name. */
  readonly weights?: ReadonlyMap<string, TensorData>;
  /** Where the runtime writes the model as it optimised it. */
  readonly saveOptimised?: string;
}

/** Results with fewer elements come back to memory at once: they are read, not fed back. */
const smallResult = 4096;

const noFallback = { extra: { session: { disable_cpu_ep_fallback: "1" } } } as const;

/** What each device asks of a session. GPU devices refuse a graph that they cannot run as a whole: no silent CPU. */
const deviceOptions: Readonly<Record<Device, (model: Model) => ort.InferenceSession.SessionOptions>> = {
  cpu: () => ({
    executionProviders: ["cpu"],
    intraOpNumThreads: availableParallelism(),
    interOpNumThreads: 1,
    // It would take the whole peak as one block at the second run, besides what the first run has taken.
    enableMemPattern: false,
    // Microseconds that a thread waits actively for its next share: longer, it takes the core from one that works as soon as the
    // machine has anything else to do; not at all, waking it costs more than many of these nodes take.
    extra: { session: { intra_op: { spin_duration_us: "20" } } },
  }),
  cuda: () => ({ executionProviders: ["cuda"], ...noFallback }),
  webgpu: ({ outputs }) => ({
    executionProviders: ["webgpu"],
    ...noFallback,
    preferredOutputLocation: Object.fromEntries(
      outputs.map(({ shape }, i) => [`o${i}`, sizeOf(shape) < smallResult ? "cpu" : "gpu-buffer"] as const),
    ),
  }),
};

/** Opens a model on a device. Throws JIT303. */
export async function openSession(
  model: Model,
  device: Device,
  { weights = new Map(), saveOptimised }: OpenOptions = {},
): Promise<ort.InferenceSession> {
  const externalData = Array.from(weights, ([path, data]) => ({
    path,
    data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }));
  try {
    return await nativeCall(() =>
      ort.InferenceSession.create(model.bytes, {
        graphOptimizationLevel: model.optimised ? "disabled" : "all",
        logSeverityLevel: 4,
        ...(externalData.length > 0 && { externalData }),
        ...(saveOptimised !== undefined && { optimizedModelFilePath: saveOptimised }),
        ...deviceOptions[device](model),
      }),
    );
  } catch (cause) {
    throw explain(cause, model.name, device);
  }
}

/** Opens a program of one operator. Throws JIT303 when the device is not there. */
export async function tryDevice(device: Device): Promise<void> {
  const value = new Value([1], "float32");
  const bytes = encodeOnnx(new Graph("first", [value], [], [value]));
  const model = { name: "first", bytes, outputs: [{ shape: [1], dtype: "float32" }], optimised: false };
  await (await openSession(model, device)).release();
}

/** Runs a program on tensors; results by name. Throws JIT303 when the device turns out to lack float16. */
export async function runSession(
  session: ort.InferenceSession,
  feeds: ort.InferenceSession.FeedsType,
  fetches: ort.InferenceSession.FetchesType,
): Promise<ort.InferenceSession.ReturnType> {
  try {
    return await nativeCall(() => session.run(feeds, fetches));
  } catch (cause) {
    if (!/requires f16 but the device does not support it/.test((cause as Error).message)) throw cause;
    throw new JitError("JIT303", "the GPU has no float16 (the WebGPU feature shader-f16)", {
      cause,
      hint: "Use precision float32 on this device.",
    });
  }
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
    device: "cuda",
    pattern: /Failed to load shared library|not enabled in this build/,
    why: "the CUDA libraries are not installed",
    hint: "Install them: node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12",
  },
];

/** Whether the runtime refused a program because the device cannot run all of its operators. */
export const lacksOperators = (error: unknown) =>
  error instanceof JitError && /fallback to CPU EP has been explicitly disabled/.test(error.message);

function explain(cause: unknown, name: string, device: Device): unknown {
  if (cause instanceof JitError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const known = reasons.find((reason) => reason.device === device && reason.pattern.test(text));
  return new JitError("JIT303", `program ${name} cannot run on ${device}: ${known?.why ?? text}`, {
    cause,
    ...(known && { hint: known.hint }),
  });
}
