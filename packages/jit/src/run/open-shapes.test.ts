import { expect, it } from "vitest";
import { expectSame } from "../../test/compare.js";
import { jit, type tf } from "../index.js";
import { encodeWithShapes } from "./onnx.js";

it("large views get their shape when the program runs, small ones are known before", async () => {
  const f = (x: tf.Tensor) =>
    x.reshape([1024, 1536]).sqrt().reshape([2048, 768]).cos().sum(1).reshape([2, 1024]).square();
  const x = { shape: [1536, 1024], data: Float32Array.from({ length: 1536 * 1024 }, (_, i) => i % 251) };
  const graph = jit(f).lower(x);
  expect(encodeWithShapes(graph, { open: true }).shapes).toEqual([
    [2048, 768],
    [1024, 1536],
  ]);
  expect(encodeWithShapes(graph, {}).shapes).toEqual([]);
  await expectSame(f, [x], 1e-6);
});
