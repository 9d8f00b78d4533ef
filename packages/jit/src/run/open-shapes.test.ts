import * as ort from "onnxruntime-node";
import { expect, it } from "vitest";
import { jit, type tf } from "../index.js";
import type { Node } from "../ir/graph.js";
import { largeProgram } from "../passes/liveness.js";
import { encodeOnnx, encodeWithShapes } from "./onnx.js";
import { openViews, shapeFeeds } from "./open-shapes.js";

const f = (x: tf.Tensor, w: tf.Tensor) =>
  x
    .sqrt()
    .reshape([1024, 1536])
    .cos()
    .add(w.exp().reshape([1024, 1536]))
    .sum(1)
    .reshape([2, 512])
    .square();
const x = { shape: [1536, 1024], data: Float32Array.from({ length: 1536 * 1024 }, (_, i) => i % 5) };

it("large views of large programs get their shape when the program runs", () => {
  const views = (smallest: number) =>
    Array.from(openViews(jit(f).lower(x, x), smallest), ({ attributes }: Node) => attributes.shape);
  expect(views(0)).toEqual(Array(2).fill([1024, 1536]));
  expect(views(largeProgram)).toEqual([]);
});

it("the results are the same", async () => {
  const graph = jit(f).lower(x, x);
  const tensor = new ort.Tensor("float32", x.data, x.shape);
  const run = async (bytes: Uint8Array, feeds: Record<string, ort.Tensor>) => {
    const session = await ort.InferenceSession.create(bytes);
    const { o0 } = await session.run({ i0: tensor, i1: tensor, ...feeds });
    await session.release();
    return o0!.data;
  };
  const { bytes, shapes } = encodeWithShapes(graph, { open: 0 });
  expect(shapes).toHaveLength(1);
  expect(await run(bytes, shapeFeeds(shapes))).toEqual(await run(encodeOnnx(graph), {}));
});
