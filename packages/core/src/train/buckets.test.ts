import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HostTensor, tf } from "@cmmd/jit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../data/safetensors.js";
import { layoutOf, pack, parametersOf, startOf } from "./buckets.js";
import { checkpoints, readState } from "./checkpoint.js";

/** Parameters of every kind: filters alone in their bucket and with others, of several taps and of one, matrices, vectors; rows of one length. */
const shapes: Readonly<Record<string, readonly number[]>> = {
  "in.weight": [40, 3, 1, 3, 3],
  "in.bias": [40],
  "wide.weight": [90, 330, 3, 1, 3],
  "wide.bias": [90],
  "point.weight": [520, 520, 1, 1],
  "small point.weight": [5, 7, 1],
  "linear.weight": [550, 500],
  "small linear.weight": [6, 9],
  scale: [],
  "left.weight": [660, 200],
  "right.weight": [200, 330, 2],
  "right.bias": [200],
};
let next = 0;
const tensors = Object.fromEntries(
  Object.entries(shapes).map(([name, shape]) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next++);
    return [name, { shape, data }];
  }),
);
const layout = layoutOf(tensors);

/** Vitest compares large arrays element by element, in seconds. */
const equal = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Buffer.from(Float32Array.from(a).buffer).equals(Buffer.from(Float32Array.from(b).buffer));

describe("buckets of parameters", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  it("show the model what was put in, in PyTorch's layout", () => {
    expect(layout.buckets.map(({ shape }) => shape)).toEqual([[9, 29700], [520, 520], [550, 500], [1321, 200], [1300]]);
    const packed = pack(tensors, layout).map(({ shape, data }) => tf.tensor(data, [...shape]));
    const seen = parametersOf(packed, layout);
    for (const [name, { shape, data }] of Object.entries(tensors)) {
      expect(seen[name]!.shape).toEqual(shape);
      expect(equal(seen[name]!.dataSync(), data), name).toBe(true);
    }
  });

  it("refuse parameters of another model", () => {
    expect(() => pack({ ...tensors, "wide.bias": { shape: [91], data: new Float32Array(91) } }, layout)).toThrow(
      /wide\.bias is missing or has another size/,
    );
  });
});

describe("a checkpoint", () => {
  const folder = mkdtempSync(join(tmpdir(), "cmmd-buckets-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is in PyTorch's layout, and read back as it was", async () => {
    const moments = (offset: number) =>
      pack(
        Object.fromEntries(
          Object.entries(tensors).map(([name, { data }]) => [name, { shape: [], data: data.map((x) => x + offset) }]),
        ),
        layout,
      );
    const [first, second] = [moments(1), moments(2)];
    const buckets = startOf(pack(tensors, layout)).map((bucket, i) => ({
      ...bucket,
      first: first[i]!,
      second: second[i]!,
    }));
    const scalar = (value: number) => ({ shape: [], data: Float32Array.of(value) });
    const lossScale = { scale: scalar(2 ** 24), good: scalar(1999) };
    const described = { layouts: { model: layout }, configuration: { model: "test" } };
    const kept = { last: 1, every: undefined };
    await checkpoints.save(folder, 3, { model: { buckets, lossScale } }, described, kept);
    const file = (name: string) => readSafetensors(join(folder, "checkpoint-3", `${name}.safetensors`));
    const { tensors: model } = await file("model");
    expect(Object.keys(model)).toEqual(Object.keys(tensors));
    for (const [name, { shape, data }] of Object.entries(tensors)) {
      expect(model[name]!.shape).toEqual(shape);
      expect(equal(model[name]!.data, data), name).toBe(true);
    }
    const { tensors: optimizer } = await file("optimizer");
    const numbers = Float32Array.from({ length: layout.size }, (_, i) => i + 2);
    expect(equal(optimizer.second!.data, numbers)).toBe(true);
    expect(checkpoints.newest(folder)).toBe(3);
    const { states, step, configuration } = await readState(checkpoints.path(folder, 3), described.layouts);
    expect([step, configuration]).toEqual([3, { model: "test", step: 3 }]);
    const again = states.model!;
    expect(again.lossScale).toEqual(lossScale);
    for (const [i, bucket] of buckets.entries())
      for (const part of ["parameters", "first", "second", "ema"] as const) {
        expect(again.buckets[i]![part].shape).toEqual(bucket[part].shape);
        expect(equal((again.buckets[i]![part] as HostTensor).data, bucket[part].data), `${part} ${i}`).toBe(true);
      }
  });
});
