import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { expectSame, noise } from "../../test/compare.js";
import { type HostTensor, jit, keepFinite, type LossScale, nextLossScale, scaledValueAndGrad, tf } from "../index.js";

const network = (w: { first: tf.Tensor2D; second: tf.Tensor2D }, x: tf.Tensor2D) => {
  const hidden = tf.relu(tf.matMul(x, w.first).add(x)) as tf.Tensor2D;
  return tf.matMul(tf.concat([hidden, hidden], 1), w.second);
};
const weights = { first: noise([16, 16], 2), second: noise([32, 16], 3) };
const x = noise([8, 16], 5);

interface Training<T> {
  readonly weights: { readonly first: T; readonly second: T };
  readonly scaling: LossScale<T>;
}
const step = (state: Training<tf.Tensor>, input: tf.Tensor) => {
  const { value, grads, finite } = scaledValueAndGrad(
    (w: Training<tf.Tensor>["weights"]) => ({
      value: network(w as never, input as tf.Tensor2D)
        .square()
        .mean(),
    }),
    state.weights,
    state.scaling.scale,
  );
  const next = {
    first: state.weights.first.sub(grads.first.mul(0.1)),
    second: state.weights.second.sub(grads.second.mul(0.1)),
  };
  return {
    state: {
      weights: keepFinite(finite, next, state.weights),
      scaling: nextLossScale(state.scaling, finite, { every: 2 }),
    },
    loss: value,
    finite,
  };
};
const scalar = (value: number): HostTensor => ({ shape: [], data: Float32Array.of(value) });

/** Largest difference relative to the largest value. */
const difference = (a: HostTensor, b: HostTensor) => {
  const largest = (b.data as Float32Array).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return (a.data as Float32Array).reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0) / largest;
};

const vulkan = process.env.VK_ICD_FILENAMES ?? "/usr/lib/chromium/vk_swiftshader_icd.json";
const present = existsSync(vulkan);
if (present) process.env.VK_ICD_FILENAMES = vulkan;

describe("mixed precision", () => {
  it("computes products and what is between them in float16, the rest in float32", () => {
    const program = jit(network, { precision: "mixed", name: "p" });
    expect(String(program.lower(weights, x))).toBe(
      [
        "program p(%0: float32[16,16], %1: float32[32,16], %2: float32[8,16])",
        "  %3: float16[8,16] = Cast(%2) to=float16",
        "  %4: float16[16,16] = Cast(%0) to=float16",
        "  %5: float16[8,16] = Gemm(%3, %4) transA=0 transB=0",
        "  %6: float16[8,16] = Add(%5, %3)",
        "  %7: float16[8,16] = Relu(%6)",
        "  %8: float16[8,32] = Concat(%7, %7) axis=1",
        "  %9: float16[32,16] = Cast(%1) to=float16",
        "  %10: float16[8,16] = Gemm(%8, %9) transA=0 transB=0",
        "  %11: float32[8,16] = Cast(%10) to=float32",
        "  return %11",
      ].join("\n"),
    );
    const train = String(
      jit(step, { precision: "mixed" }).lower({ weights, scaling: { scale: scalar(1024), good: scalar(0) } }, x),
    );
    for (const op of ["ReduceMean", "ReduceSum", "Div", "Sqrt"])
      expect(train).not.toMatch(new RegExp(`float16[^=]*= ${op}`));
    expect(train.match(/= Gemm|= MatMul/g)?.length).toBe(train.match(/float16[^=]*= (Gemm|MatMul)/g)?.length);
  });

  it("computes the same: ONNX Runtime leaves float16 out on the processor, which has none", async () => {
    const state = { weights, scaling: { scale: scalar(1024), good: scalar(0) } };
    const [exact, mixed] = [await jit(step)(state, x), await jit(step, { precision: "mixed" })(state, x)];
    for (const read of [(r: typeof exact) => r.state.weights.first, (r: typeof exact) => r.loss]) {
      expect(difference(await read(mixed).read(), await read(exact).read())).toBeLessThan(2e-3);
    }
  });

  it.skipIf(!present)("runs on a GPU that has float16, and says when it has none", async () => {
    const program = jit(network, { device: "webgpu", precision: "mixed" });
    const want = await (await jit(network)(weights, x)).read();
    try {
      const got = await (await program(weights, x)).read();
      expect(difference(got, want)).toBeLessThan(5e-3);
    } catch (error) {
      expect(error).toMatchObject({ code: "JIT303", hint: "Use precision float32 on this device." });
    }
    await program.dispose();
  });
});

describe("loss scaling", () => {
  it("is the same traced and eagerly; an overflow halves the scale and changes nothing else", async () => {
    const scaling = (scale: number, good: number) => ({ scale: scalar(scale), good: scalar(good) });
    for (const [scale, good] of [
      [1024, 0],
      [1024, 1],
      [2 ** 24, 1],
    ] as const) {
      await expectSame(step, [{ weights, scaling: scaling(scale, good) }, x]);
    }
    const program = jit(step);
    const after = async (scale: number, good: number, input: HostTensor) => {
      const { state, finite, loss } = await program({ weights, scaling: scaling(scale, good) }, input);
      const read = async (tensor: typeof finite) => (await tensor.read()).data[0];
      return {
        scale: await read(state.scaling.scale),
        good: await read(state.scaling.good),
        finite: await read(finite),
        loss: await read(loss),
        first: (await state.weights.first.read()).data,
      };
    };
    const plain = await after(1, 0, x);
    expect(plain).toMatchObject({ scale: 1, good: 1, finite: 1 });
    expect(await after(1024, 1, x)).toMatchObject({ scale: 2048, good: 0, loss: plain.loss });
    expect(await after(2 ** 24, 1, x)).toMatchObject({ scale: 2 ** 24 });
    const huge = { ...x, data: x.data.map((value) => value * 1e20) };
    expect(await after(1024, 1, huge)).toMatchObject({ scale: 512, good: 0, finite: 0, first: weights.first.data });
    expect((await after(1, 1, huge)).scale).toBe(1);
  });
});
