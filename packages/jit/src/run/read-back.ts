import * as ort from "onnxruntime-node";
import { type DType, Graph, type TensorData, Value } from "../ir/graph.js";
import { nativeCall } from "./native-calls.js";
import { encodeOnnx } from "./onnx.js";
import { runSession } from "./session.js";

/** One program for each dtype, whatever the shape: so there are never more than a few. */
const copies = new Map<string, Promise<ort.InferenceSession>>();

function copyProgram(dtype: DType): Promise<ort.InferenceSession> {
  const value = new Value([], dtype);
  return nativeCall(() =>
    ort.InferenceSession.create(encodeOnnx(new Graph("read", [value], [], [value]), { anyShape: true }), {
      executionProviders: ["webgpu"],
      preferredOutputLocation: "cpu",
      logSeverityLevel: 4,
    }),
  );
}

/** Reading a GPU buffer directly ends the process; a program that copies its input to memory does not. */
async function readFromGpu(tensor: ort.Tensor): Promise<TensorData> {
  const session = copies.get(tensor.type) ?? copyProgram(tensor.type as DType);
  copies.set(tensor.type, session);
  const { o0 } = await runSession(await session, { i0: tensor }, { o0: null });
  return o0!.data as TensorData;
}

/** A copy of the tensor's elements, wherever they are. */
export async function readTensor(tensor: ort.Tensor): Promise<TensorData> {
  if (tensor.location === "cpu") return (tensor.data as TensorData).slice();
  return readFromGpu(tensor);
}
