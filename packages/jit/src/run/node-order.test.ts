import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { expect, it } from "vitest";
import { Builder } from "../ir/builder.js";
import { Graph, Value } from "../ir/graph.js";
import { reverseNodes } from "./node-order.js";
import { encodeOnnx } from "./onnx.js";

/** Operators in the order in which ONNX Runtime runs them, and the model that it writes. */
async function executed(model: Uint8Array, graphOptimizationLevel: "all" | "disabled") {
  const folder = await mkdtemp(join(tmpdir(), "cmmd-order-"));
  const optimizedModelFilePath = join(folder, "model.onnx");
  const profileFilePrefix = join(folder, "profile");
  try {
    const options = { graphOptimizationLevel, optimizedModelFilePath, enableProfiling: true, profileFilePrefix };
    const session = await ort.InferenceSession.create(model, options);
    await session.run({ i0: new ort.Tensor("float32", new Float32Array(4), [4]) });
    session.endProfiling();
    await session.release();
    const profile = (await readdir(folder)).find((name) => name.startsWith("profile"))!;
    const events = JSON.parse(await readFile(join(folder, profile), "utf8")) as Event[];
    const order = events.filter(({ name }) => name.endsWith("_kernel_time")).map(({ args }) => args.op_name);
    return { order, written: await readFile(optimizedModelFilePath) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface Event {
  readonly name: string;
  readonly args: { readonly op_name: string };
}

it("programs run in the order of their graph, from the file that the runtime wrote, too", async () => {
  const b = new Builder();
  const x = new Value([4], "float32");
  // Two chains into one sum, as in a training step, where gradients of weights join that could be left until the end.
  const forward = b.op("Exp", [x]);
  const first = b.reduce("ReduceSum", b.op("Sin", [b.op("Mul", [forward, forward])]), [0], true);
  const back = b.op("Cos", [forward]);
  const second = b.reduce("ReduceMax", b.op("Tanh", [back]), [0], true);
  const joined = b.op("Concat", [second, first], { axis: 0 });
  const graph = new Graph("test", [x], b.nodes, [joined]);
  const order = ["Exp", "Mul", "Sin", "ReduceSum", "Cos", "Tanh", "ReduceMax", "Concat"];
  const model = encodeOnnx(graph);
  const { order: ran, written } = await executed(model, "all");
  expect(ran).toEqual(order);
  expect((await executed(reverseNodes(written), "disabled")).order).toEqual(order);
});
