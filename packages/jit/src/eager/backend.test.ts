import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tf } from "../index.js";
import type { JitBackend } from "./backend.js";

beforeEach(() => void tf.setBackend("jit"));
afterEach(() => void tf.setBackend("cpu"));

/** The same on tfjs's cpu backend. */
function onCpu<T>(f: () => T): T {
  tf.setBackend("cpu");
  try {
    return f();
  } finally {
    tf.setBackend("jit");
  }
}

const backend = () => tf.backend() as JitBackend;

describe("backend jit", () => {
  it("records until a value is read", async () => {
    const y = tf.tidy(() => tf.tensor2d([1, 2, 3, 4], [2, 2]).matMul(tf.eye(2)).add(1).square());
    expect(backend().graph.recorded).toBeGreaterThan(0);
    expect(Array.from(await y.data())).toEqual([4, 9, 16, 25]);
    expect(backend().graph.recorded).toBe(0);
  });

  it("computes with the numbers that there were when an operation was recorded", () => {
    const numbers = Float32Array.of(1, 2);
    const doubled = tf.tensor1d(numbers).mul(2);
    numbers.fill(7);
    expect(Array.from(doubled.dataSync())).toEqual([2, 4]);
  });

  it("trains with tfjs's optimizers as the cpu backend does, with one program and the same number of tensors", () => {
    const train = () => {
      const x = tf.tensor2d([0, 1, 1, 0, 1, 1, 2, 1], [4, 2]);
      const y = tf.tensor2d([-1, 2, 1, 3], [4, 1]);
      const weight = tf.variable(tf.zeros<tf.Rank.R2>([2, 1]));
      const optimizer = tf.train.adam(0.1);
      const counts: number[] = [];
      const losses = Array.from({ length: 20 }, () => {
        const loss = optimizer.minimize(() => x.matMul(weight).sub(y).square().mean(), true, [weight])!;
        const [value] = loss.dataSync();
        loss.dispose();
        counts.push(tf.memory().numTensors);
        return value!;
      });
      expect(new Set(counts.slice(1)).size).toBe(1);
      return [...losses, ...weight.dataSync()];
    };
    const opened = backend().graph.opened;
    const lazy = train();
    // The first step, which makes the optimizer's variables, is one of its own, and the one after it meets them in memory.
    expect(backend().graph.opened - opened).toBeLessThanOrEqual(3);
    onCpu(train).forEach((value, i) => {
      expect(lazy[i]).toBeCloseTo(value, 5);
    });
  });

  it("leaves what static programs lack to tfjs's cpu kernels", async () => {
    const x = tf.tensor1d([3, 1, 3, 2]);
    expect(Array.from(tf.unique(x.mul(2)).values.dataSync())).toEqual([6, 2, 4]);
    expect(Array.from((await tf.whereAsync(x.greater(1))).dataSync())).toEqual([0, 2, 3]);
    const spectrum = tf.fft(tf.complex([1, 2], [0, 0]));
    expect(Array.from(tf.real(spectrum).dataSync())).toEqual([3, -1]);
    expect(
      tf
        .tensor1d(["a", "b"])
        .concat(tf.tensor1d(["c"]))
        .dataSync(),
    ).toEqual(["a", "b", "c"]);
    expect(tf.zeros([0, 3]).sum().dataSync()[0]).toBe(0);
  });

  it("takes tensors of other backends, and gives its own to them", () => {
    const x = onCpu(() => tf.tensor1d([1, 2]));
    const y = x.add(1);
    expect(Array.from(onCpu(() => y.mul(2).dataSync()))).toEqual([4, 6]);
  });

  it("an operation that fails does not spoil the others", () => {
    const outside = tf.gather(tf.tensor1d([1, 2]), tf.tensor1d([7], "int32"));
    const good = tf.scalar(2).square();
    expect(good.dataSync()[0]).toBe(4);
    expect(() => outside.dataSync()).toThrow(/Gather/);
  });

  it("keeps memory flat over thousands of evaluations", () => {
    const x = tf.ones([64, 64]);
    const step = (i: number) => tf.tidy(() => x.matMul(x).add(i).sum().dataSync()[0]!);
    for (let i = 0; i < 200; i++) step(i);
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 1000; i++) step(i);
    globalThis.gc?.();
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
    expect(backend().graph.open).toBeLessThan(130);
  });
});
