import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { noise } from "../../test/compare.js";
import { type DeviceTensor, type HostTensor, jit, nn, tf, valueAndGrad } from "../index.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

describe("programs", () => {
  it("carry donated state over 50 steps as plain arithmetic does, bit for bit the same in a second run", async () => {
    const size = 5000;
    const start = noise([size]);
    const gradient = (w: number, t: number) => Math.fround(Math.fround(w * 2) * Math.fround(t));
    const run = async () => {
      const step = jit(
        (state: { w: tf.Tensor; m: tf.Tensor }, t: tf.Tensor) => {
          const { grads } = valueAndGrad((w: tf.Tensor) => ({ value: w.square().mul(t).sum() }), state.w);
          const m = state.m.mul(0.5).add(grads);
          return { w: state.w.sub(m.mul(0.01)), m };
        },
        { donate: [0] },
      );
      let state: { w: DeviceTensor | typeof start; m: DeviceTensor | typeof start } = {
        w: start,
        m: { shape: [size], data: new Float32Array(size) },
      };
      for (let i = 1; i <= 50; i++) state = await step(state, { shape: [], data: Float32Array.of(1 / i) });
      const out = (await (state.w as DeviceTensor).read()).data;
      await step.dispose();
      return out;
    };
    const first = await run();
    const w = Float64Array.from(start.data);
    const m = new Float64Array(size);
    for (let i = 1; i <= 50; i++) {
      for (let j = 0; j < size; j++) {
        m[j] = m[j]! * 0.5 + gradient(w[j]!, 1 / i);
        w[j]! -= m[j]! * 0.01;
      }
    }
    const worst = (first as Float32Array).reduce((most, value, j) => Math.max(most, Math.abs(value - w[j]!)), 0);
    expect(worst).toBeLessThan(1e-6);
    expect(await run()).toEqual(first);
  });

  it("a donated tensor cannot be used again, and what was read before stays", async () => {
    const step = jit((a: tf.Tensor) => a.add(1), { donate: [0] });
    const first = await step({ shape: [3], data: Float32Array.of(1, 2, 3) });
    const copy = await first.read();
    const second = await step(first);
    const third = await step(second);
    await step(third);
    expect(Array.from(copy.data)).toEqual([2, 3, 4]);
    await expect(first.read()).rejects.toThrow(/after it was donated/);
    await expect(step(first)).rejects.toThrow(/after it was donated/);
  });

  it("a result named twice, and one that is used for another, are tensors of their own", async () => {
    const program = jit((a: tf.Tensor) => {
      const sum = a.add(1);
      return { first: sum, second: sum, double: sum.mul(2), given: a };
    });
    const out = await program({ shape: [2], data: Float32Array.of(1, 2) });
    out.first.dispose();
    const values = async (tensor: DeviceTensor) => Array.from((await tensor.read()).data);
    expect(await values(out.second)).toEqual([2, 3]);
    expect(await values(out.double)).toEqual([4, 6]);
    expect(await values(out.given)).toEqual([1, 2]);
  });

  it("frozen weights are constants of the runtime", async () => {
    const weights = { filter: noise([4, 3, 3], 2), bias: noise([4]) };
    const program = jit(
      (p: Record<"filter" | "bias", tf.Tensor>, x: tf.Tensor) => nn.conv(x, p.filter, { bias: p.bias }),
      {
        freeze: [0],
        name: "frozen",
      },
    );
    const x = noise([1, 5, 3]);
    expect(String(program.lower(weights, x))).toContain(
      "program frozen(%0: frozen float32[4,3,3], %1: frozen float32[4], %2: float",
    );
    const got = (await (await program(weights, x)).read()).data;
    const open = jit((p: Record<"filter" | "bias", tf.Tensor>, x: tf.Tensor) => nn.conv(x, p.filter, { bias: p.bias }));
    const want = (await (await open(weights, x)).read()).data;
    got.forEach((value, i) => {
      expect(Math.abs(value - want[i]!)).toBeLessThan(1e-6);
    });
    await expect(program({ ...weights }, x)).rejects.toThrow(/other values for its frozen argument 0/);
  });

  it("compiles once for each set of shapes, and keeps trees", async () => {
    let traced = 0;
    const program = jit((tree: { a: tf.Tensor; list: tf.Tensor[] }) => {
      traced++;
      return { sum: tree.list.reduce((s, x) => s.add(x), tree.a), list: tree.list, constant: tf.scalar(4) };
    });
    const one = (n: number) => ({ shape: [n], data: new Float32Array(n).fill(1) });
    for (const n of [2, 2, 3, 2]) {
      const out = await program({ a: one(n), list: [one(n), one(n)] });
      expect(Array.from((await out.sum.read()).data)).toEqual(Array<number>(n).fill(3));
      expect(out.list.length).toBe(2);
      expect((await out.constant.read()).data[0]).toBe(4);
    }
    expect(traced).toBe(2);
    await program.dispose();
  });

  it("10 000 runs take no more memory than 1000", async () => {
    const size = 1024;
    const step = jit(
      (state: { w: tf.Tensor }, x: tf.Tensor) => {
        const w = state.w.mul(0.9).add(tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D).sum());
        return { state: { w }, log: { sum: w.sum(), kept: x.mul(2) } };
      },
      { donate: [0] },
    );
    let state: { w: DeviceTensor | HostTensor } = { w: { shape: [size], data: new Float32Array(size) } };
    const run = async (times: number) => {
      for (let i = 1; i <= times; i++) {
        const result = await step(state, noise([16, 16], i));
        state = result.state;
        await result.log.sum.read();
        if (i % 500 === 0) collectGarbage();
      }
    };
    await run(1000);
    const before = process.memoryUsage.rss();
    await run(9000);
    // Kept, the results of 9000 runs would be 46 MB.
    expect(process.memoryUsage.rss() - before).toBeLessThan(20e6);
    expect(process.memoryUsage.rss() - before).toBeLessThan(20e6);
    await step.dispose();
  });

  it("explains bad arguments", async () => {
    const program = jit((a: tf.Tensor) => a, { name: "p" });
    await expect(program({ shape: [2], data: new Float32Array(3) })).rejects.toThrow(
      /argument 0 of p has shape \[2\] but 3 elements/,
    );
    await expect(program({ a: 1 } as never)).rejects.toThrow(/argument 0 of p: .a is number, not a tensor/);
    await expect(program(tf.scalar(1) as never)).rejects.toThrow(/argument 0 of p: the value is a tf.Tensor/);
    await expect(program({ shape: [-1, -1], data: new Float32Array(1) })).rejects.toThrow(/sizes are not whole/);
    const doubles = { shape: [1], data: new Float64Array(1) };
    await expect(program(doubles as never)).rejects.toThrow(/with data of type Float64Array/);
    expect(() => jit((a: tf.Tensor) => a, { device: "auto" as never })).toThrow(/cannot have device auto/);
  });

  it("explains results that are no tensors, under both engines", async () => {
    const f = (a: tf.Tensor) => ({ a, n: 3 });
    for (const engine of ["onnx", "tfjs"] as const) {
      await expect(jit(f, { engine })(noise([2]))).rejects.toThrow(/the result of f: .n is number, not a tensor/);
    }
  });

  it("refuses a program inside a trace or a gradient, which would not wait for it", () => {
    const inner = jit((a: tf.Tensor) => a.exp(), { name: "inner" });
    const call = (a: tf.Tensor) => inner(a as never) as never;
    const refused = /program inner was called inside a traced function or a gradient/;
    expect(() => jit(call).lower(noise([2]))).toThrow(refused);
    expect(() => tf.grad(call)(tf.scalar(1))).toThrow(refused);
  });

  it("dispose waits for calls under way, and a later call compiles again", async () => {
    const program = jit((a: tf.Tensor) => tf.matMul(a as tf.Tensor2D, a as tf.Tensor2D).sum());
    const ones = { shape: [300, 300], data: new Float32Array(90_000).fill(1) };
    const calls = [program(ones), program(ones)];
    await program.dispose();
    calls.push(program(ones));
    for (const call of calls) expect((await (await call).read()).data[0]).toBe(300 ** 3);
    await program.dispose();
  });

  it("a parameter without influence has gradient zero", async () => {
    const f = (p: Record<"used" | "unused", tf.Tensor>) =>
      valueAndGrad((q: typeof p) => ({ value: q.used.square().sum() }), p).grads;
    const out = await jit(f)({ used: noise([3]), unused: noise([2, 2]) });
    expect(Array.from((await out.unused.read()).data)).toEqual([0, 0, 0, 0]);
  });
});
