import * as ort from "onnxruntime-node";
import { expect, it } from "vitest";
import { noise } from "../../test/compare.js";
import { withGradients } from "../../test/gradients.js";
import { jit, nn, type tf } from "../index.js";
import { Builder } from "../ir/builder.js";
import { Graph, Value } from "../ir/graph.js";
import { encodeOnnx } from "../run/onnx.js";
import { memoryPeak } from "./liveness.js";
import { recompute } from "./recompute.js";

it("computes again after the peak what is cheap and large, behind a barrier", () => {
  const b = new Builder();
  const x = new Value([4, 8], "float32");
  const kept = b.op("LogSoftmax", [x], { axis: 1 });
  const cheap = b.op("Sin", [b.op("Exp", [kept])]);
  const wide = b.op("Tile", [b.op("LogSoftmax", [cheap], { axis: 0 })], { repeats: [1, 4] });
  const back = b.op("LogSoftmax", [b.reduce("ReduceSum", b.op("Mul", [wide, wide]), [1], true)], { axis: 0 });
  const graph = new Graph("test", [x], b.nodes, [
    b.op("MatMul", [b.transpose(cheap, [1, 0]), b.op("Mul", [back, kept])]),
  ]);
  const text = String(recompute(graph, 128)).split("\n").map((line) => line.trim()); // biome-ignore format: short
  expect(text.slice(1)).toEqual([
    "%1: float32[4,8] = LogSoftmax(%0) axis=1",
    "%2: float32[4,8] = Exp(%1)",
    "%3: float32[4,8] = Sin(%2)",
    "%4: float32[4,8] = LogSoftmax(%3) axis=0",
    "%5: float32[4,32] = Tile(%4) repeats=[1,4]",
    "%6: float32[4,32] = Mul(%5, %5)",
    "%7: float32[4,1] = ReduceSum(%6) axes=[1] keepdims=1",
    "%8: float32[4,1] = LogSoftmax(%7) axis=0",
    "%9: float32[4,8] = Mul(%8, %1)",
    "%10: float32[4,8] = Barrier(%1, %9)",
    "%11: float32[4,8] = Exp(%10)",
    "%12: float32[4,8] = Sin(%11)",
    "%13: float32[8,4] = Transpose(%12) perm=[1,0]",
    "%14: float32[8,8] = MatMul(%13, %9)",
    "return %14",
  ]);
});

it("changes no bit and needs less memory", async () => {
  const layers = (x: tf.Tensor, w: tf.Tensor) => {
    for (let i = 0; i < 8; i++)
      x = nn.silu(nn.groupNorm(nn.linear(x, w), { groups: 2, gamma: w.sum(0), beta: w.mean(0) }));
    return x;
  };
  const f = withGradients(layers as (...xs: tf.Tensor[]) => tf.Tensor);
  const inputs = [noise([2, 30, 8]), noise([8, 8], 0.7)] as const;
  const graph = jit((x: tf.Tensor, w: tf.Tensor) => f(x, w).grads).lower(...inputs);
  const less = recompute(graph, 1000);
  expect(memoryPeak(less).bytes / memoryPeak(graph).bytes).toBeLessThan(0.6);
  const feeds = Object.fromEntries(
    inputs.map(({ shape, data }, i) => [`i${i}`, new ort.Tensor("float32", data, shape)]),
  );
  const [expected, got] = await Promise.all(
    [graph, less].map(async (graph) => {
      const session = await ort.InferenceSession.create(encodeOnnx(graph));
      const { o0, o1 } = await session.run(feeds);
      await session.release();
      return [o0!.data, o1!.data];
    }),
  );
  expect(got).toEqual(expected);
});
