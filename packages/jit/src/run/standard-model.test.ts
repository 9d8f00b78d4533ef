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

test("bare tensors and keys that clash get names of their own in a standard model", async () => {
  const program = jit(
    (x: tf.Tensor, y: tf.Tensor, { x: z, c0, v0_0 }: Readonly<Record<"x" | "c0" | "v0_0", tf.Tensor>>) => ({
      x: x.add(y.mul(2)).add(z).add(c0).add(v0_0),
    }),
  );
  const one = { shape: [2], data: Float32Array.of(1, 2) };
  const args = [one, one, { x: one, c0: one, v0_0: one }] as const;
  const { bytes, inputs, outputs } = await program.toOnnx(...args);
  expect(inputs.map(({ name }) => name)).toEqual(["input", "input.2", "x", "c0.2", "v0_0.2"]);
  expect(outputs.map(({ name }) => name)).toEqual(["x.2"]);
  const session = await ort.InferenceSession.create(bytes);
  const run = await session.run(
    Object.fromEntries(inputs.map(({ name }) => [name, new ort.Tensor("float32", one.data, one.shape)])),
  );
  expect(run["x.2"]!.data).toEqual(Float32Array.of(6, 12));
  await session.release();

  const bare = jit((x: tf.Tensor) => x.square());
  const model = await bare.toOnnx(one);
  expect([model.inputs[0]!.name, model.outputs[0]!.name]).toEqual(["input", "output"]);
  await (await ort.InferenceSession.create(model.bytes)).release();
});

test("facts of a program count multiply-adds by definition, however it is lowered", () => {
  const program = jit((x: tf.Tensor, w: tf.Tensor) => nn.conv(x, w));
  const { multiplyAdds, memory } = program.inspect(filled([2, 16, 16, 32]), filled([64, 32, 3, 3]));
  expect(multiplyAdds).toBe(2 * 16 * 16 * 64 * 32 * 9);
  expect(memory.inputs).toBe(4 * (2 * 16 * 16 * 32 + 64 * 32 * 9));
  expect(memory.results).toBe(4 * 2 * 16 * 16 * 64);
});
