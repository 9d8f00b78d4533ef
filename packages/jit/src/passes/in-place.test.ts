import { describe, expect, it } from "vitest";
import { noise } from "../../test/compare.js";
import { type DeviceTensor, jit, type tf } from "../index.js";
import { inPlace } from "./in-place.js";

type State<T> = { readonly weight: T; readonly first: T };

/** Momentum: the weight is read by a product that its update depends on as well, the moment by its own update alone. */
const step = ({ weight, first }: State<tf.Tensor>, x: tf.Tensor) => {
  const gradient = x.matMul(weight).mul(x.sum());
  const next = first.mul(0.9).add(gradient.mul(0.1));
  return { weight: weight.sub(next), first: next };
};

describe("results written over donated inputs", () => {
  const state = { weight: noise([3, 3], 1), first: noise([3, 3], 2) };
  const x = noise([3, 3], 3);

  it("are those whose other readers have run", () => {
    const graph = jit(step).lower(state, x);
    expect(inPlace(graph, new Set([0, 1]))).toEqual([0, 1]);
    expect(inPlace(graph, new Set([0]))).toEqual([0, undefined]);
    const reading = jit((s: State<tf.Tensor>, x: tf.Tensor) => ({
      ...step(s, x),
      read: s.weight.transpose().matMul(x),
    }));
    expect(inPlace(reading.lower(state, x), new Set([0, 1]))).toEqual([undefined, 1, undefined]);
  });

  it("are not those that broadcasting reads more than once, or that are results themselves", () => {
    const broadcast = jit((s: tf.Tensor, x: tf.Tensor) => s.add(x)).lower(noise([1, 3]), noise([2, 3]));
    expect(inPlace(broadcast, new Set([0, 1]))).toEqual([1]);
    const kept = jit((s: tf.Tensor) => ({ before: s, after: s.add(1) })).lower(noise([4]));
    expect(inPlace(kept, new Set([0]))).toEqual([undefined, undefined]);
  });

  it("have the same values as without donation, step by step", async () => {
    const [plain, donating] = [jit(step), jit(step, { donate: [0] })];
    let expected: State<DeviceTensor> = await plain(state, x);
    let got: State<DeviceTensor> = await donating(state, x);
    for (let i = 0; i < 4; i++) {
      const memory = (got.first.tensor.data as Float32Array).buffer;
      expected = await plain(expected, x);
      got = await donating(got, x);
      expect((got.first.tensor.data as Float32Array).buffer).toBe(memory);
      expect(await got.first.read()).toEqual(await expected.first.read());
      expect(await got.weight.read()).toEqual(await expected.weight.read());
    }
  });

  it("leave a tensor alone that is given twice, and arrays of the caller", async () => {
    const add = jit((a: tf.Tensor, b: tf.Tensor) => a.mul(2).add(b), { donate: [0] });
    const host = noise([4]);
    const before = host.data.slice();
    const first = await add(host, host);
    expect(host.data).toEqual(before);
    const twice = await add(first, first);
    expect((await twice.read()).data).toEqual(before.map((value) => Math.fround(Math.fround(value * 3) * 3)));
  });
});
