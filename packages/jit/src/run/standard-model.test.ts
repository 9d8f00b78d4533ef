import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { jit, nn, type tf } from "../index.js";

const filled = (shape: readonly number[]) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(0.7 * i)),
});

test("a program as a standard model runs elsewhere, under the names of its arguments, with the same results", async () => {
  const program = jit(
    (
      p: { readonly w: tf.Tensor; readonly b: tf.Tensor },
      x: { readonly video: tf.Tensor; readonly known: { readonly x0: tf.Tensor } },
    ) => {
      const h = nn.silu(nn.conv(x.video, p.w, { bias: p.b }));
      return { x0: { video: h.add(x.known.x0) }, eps: h.sum() };
    },
    { freeze: [0] },
  );
  const p = { w: filled([4, 3, 3, 3]), b: filled([4]) };
  const x = { video: filled([2, 8, 8, 3]), known: { x0: filled([2, 8, 8, 4]) } };
  const { bytes, inputs, outputs } = await program.toOnnx(p, x);
  expect(inputs.map(({ name }) => name)).toEqual(["video", "known.x0"]);
  expect(outputs.map(({ name }) => name)).toEqual(["x0.video", "eps"]);
  expect(Buffer.from(bytes).includes("com.microsoft")).toBe(false);

  const session = await ort.InferenceSession.create(bytes);
  const tensor = ({ shape, data }: ReturnType<typeof filled>) => new ort.Tensor("float32", data, shape);
  const run = await session.run({ video: tensor(x.video), "known.x0": tensor(x.known.x0) });
  const own = await program(p, x);
  for (const [name, result] of [
    ["x0.video", own.x0.video],
    ["eps", own.eps],
  ] as const) {
    const { data } = await result.read();
    const other = run[name]!.data as Float32Array;
    for (const [i, value] of data.entries()) expect(other[i]!).toBeCloseTo(value, 5);
  }
  await session.release();
  await program.dispose();
});

test("facts of a program count multiply-adds by definition, however it is lowered", () => {
  const program = jit((x: tf.Tensor, w: tf.Tensor) => nn.conv(x, w));
  const { multiplyAdds, memory } = program.inspect(filled([2, 16, 16, 32]), filled([64, 32, 3, 3]));
  expect(multiplyAdds).toBe(2 * 16 * 16 * 64 * 32 * 9);
  expect(memory.inputs).toBe(4 * (2 * 16 * 16 * 32 + 64 * 32 * 9));
  expect(memory.results).toBe(4 * 2 * 16 * 16 * 64);
});
