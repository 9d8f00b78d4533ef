import { describe, expect, it } from "vitest";
import { expectSame, noise } from "../../test/compare.js";
import { jit, tf, valueAndGrad } from "../index.js";

const x = noise([2, 3, 4], 1.1);
const y = noise([3, 1], 0.7);
const positive = { shape: x.shape, data: x.data.map((v) => v * v + 0.1) };
const y3 = noise([2, 3], 0.9);
const integers = { shape: [2, 3], data: Int32Array.of(-5, 7, 0, 3, -2, 9) };
const flags = { shape: [2, 3, 4], data: Uint8Array.from({ length: 24 }, (_, i) => Number(i % 3 === 0)) };

type F = (...args: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

const unary = [
  tf.abs, tf.acos, tf.asin, tf.asinh, tf.atan, tf.atanh, tf.ceil, tf.cos, tf.cosh, tf.elu, tf.erf, tf.exp, tf.expm1, tf.floor,
  tf.isFinite, tf.isInf, tf.isNaN, tf.leakyRelu, tf.neg, tf.reciprocal, tf.relu, tf.relu6, tf.round, tf.selu, tf.sigmoid, tf.sign,
  tf.sin, tf.sinh, tf.softplus, tf.square, tf.step, tf.tan, tf.tanh, tf.zerosLike, tf.onesLike, tf.softmax, tf.logSoftmax,
  tf.clone,
] as unknown as F[]; // biome-ignore format: a list
const ofPositive = [tf.acosh, tf.log, tf.log1p, tf.rsqrt, tf.sqrt] as unknown as F[];
const binary = [
  tf.add, tf.sub, tf.mul, tf.div, tf.maximum, tf.minimum, tf.squaredDifference, tf.equal, tf.notEqual, tf.greater,
  tf.greaterEqual, tf.less, tf.lessEqual, tf.floorDiv, tf.mod, tf.prelu,
] as unknown as F[]; // biome-ignore format: a list
const reductions = [tf.sum, tf.mean, tf.max, tf.min, tf.prod, tf.argMax, tf.argMin, tf.logSumExp] as ((
  x: tf.Tensor,
  axis?: number,
) => tf.Tensor)[];

describe("lowering against tfjs's eager cpu backend", () => {
  it.each(unary.map((f) => [f.name, f] as const))("%s", async (_, f) => {
    await expectSame(f, [x], 1e-6);
  });
  it.each(ofPositive.map((f) => [f.name, f] as const))("%s", async (_, f) => {
    const shifted = { ...positive, data: positive.data.map((v) => v + (f === (tf.acosh as F) ? 1 : 0)) };
    await expectSame(f, [shifted], 1e-6);
  });
  it.each(binary.map((f) => [f.name, f] as const))("%s, broadcasting both ways", async (_, f) => {
    await expectSame((a: tf.Tensor, b: tf.Tensor) => [f(a, b), f(b, a), f(a, a)], [x, y], 1e-5);
  });
  it.each(reductions.map((f) => [f.name, f] as const))("%s", async (_, f) => {
    await expectSame((a: tf.Tensor) => [f(a, 0), f(a, 1), f(a, -1)], [x], 1e-6);
  });

  const others: Record<string, [F, unknown[]]> = {
    "sum of bool and of all": [(a) => [tf.sum(a), tf.sum(tf.cast(a, "float32"))], [flags]],
    "any, all": [(a) => [tf.any(a, 1), tf.all(a, 2), tf.any(a)], [flags]],
    "logical": [(a) => [tf.logicalAnd(a, tf.logicalNot(a)), tf.logicalOr(a, a)], [flags]],
    "where": [(c, a) => [tf.where(c, a, tf.neg(a)), tf.where(c, a, tf.scalar(2)), tf.where(c, tf.logicalNot(c), c)], [flags, x]],
    "pow": [(a) => [tf.pow(a, 2), tf.pow(a, 0.5)], [positive]],
    "clipByValue": [(a) => tf.clipByValue(a, -0.2, 0.3), [x]],
    "int32 arithmetic": [(a) => [tf.floorDiv(a, 3), tf.mod(a, 4), tf.mul(a, a), tf.abs(a), tf.div(a, 2)], [integers]],
    "casts": [(a, b, c) => [tf.cast(tf.mul(a, 10), "int32"), tf.cast(b, "float32"), tf.cast(a, "bool"), tf.cast(c, "int32")], [x, integers, flags]],
    "matMul": [
      (a, b) => [
        tf.matMul(a, b),
        tf.matMul(a, a, false, true),
        tf.matMul(a, a, true, false),
        tf.matMul(b, a, true, true),
        tf.matMul(tf.gather(a, 0), tf.gather(b, 1)),
      ],
      [x, noise([2, 4, 3], 2)],
    ],
    "reshape, transpose, expandDims, squeeze": [(a) => [tf.reshape(a, [4, -1]), tf.transpose(a, [2, 0, 1]), tf.squeeze(tf.expandDims(a, -1))], [x]],
    "concat, stack, unstack, split": [
      (a) => [tf.concat([a, a, tf.neg(a)], 1), tf.stack([a, a], 3), ...tf.unstack(a, 1), ...tf.split(a, [1, 3], 2), ...tf.split(a, 2, 2)],
      [x],
    ],
    "slice, stridedSlice": [
      (a) => [tf.slice(a, [0, 1, 2], [2, -1, 1]), tf.stridedSlice(a, [1, 2, 0], [0, 0, 4], [-1, -1, 2]), tf.stridedSlice(a, [0, 1, 0], [2, 2, 4], [1, 1, 1], 0, 0, 0, 0, 2)],
      [x],
    ],
    "pad, mirrorPad": [
      (a) => [tf.pad(a, [[0, 0], [1, 2], [0, 1]]), tf.pad(a, [[1, 0], [0, 0], [0, 0]], 3), tf.mirrorPad(a, [[0, 0], [1, 1], [2, 0]], "reflect"), tf.mirrorPad(a, [[1, 0], [1, 1], [2, 0]], "symmetric")],
      [x],
    ],
    "tile, broadcastTo": [(a, b) => [tf.tile(a, [2, 1, 3]), tf.broadcastTo(b, [2, 3, 5])], [x, y]],
    "gather, reverse": [(a) => [tf.gather(a, tf.tensor1d([2, 0, 0, 1], "int32"), 1), tf.reverse(a, [0, 2])], [x]],
    "oneHot, unsortedSegmentSum": [(a) => [tf.oneHot(tf.tensor1d([1, 0, 3], "int32"), 4), tf.unsortedSegmentSum(tf.reshape(a, [4, 6]), tf.tensor1d([2, 0, 2, 1], "int32"), 3)], [x]],
    "cumsum": [(a) => [tf.cumsum(a, 1), tf.cumsum(a, 2, true), tf.cumsum(a, 0, false, true)], [x]],
    "resizeNearestNeighbor": [(a) => [tf.image.resizeNearestNeighbor(a as tf.Tensor3D, [5, 2]), tf.image.resizeNearestNeighbor(a as tf.Tensor3D, [4, 6])], [x]],
    "fill, range, linspace, addN": [(a) => [tf.fill([2, 2], 3), tf.range(0, 5, 2), tf.linspace(0, 1, 5), tf.addN([a, a, a])], [x]],
    "moments, logistic loss": [(a) => [tf.moments(a, [1, 2]).variance, tf.losses.meanSquaredError(a, tf.neg(a))], [x]],
  }; // biome-ignore format: a table
  it.each(Object.entries(others))("%s", async (_, [f, args]) => {
    await expectSame(f, args, 1e-5);
  });

  it("special values, and kernels of floating-point numbers on integers and truth values", async () => {
    const special = Float32Array.of(
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      -0,
      1e-7,
      -2.5,
      1.5,
      3e38,
    );
    const questions = [
      tf.abs, tf.sign, tf.round, tf.relu, tf.relu6, tf.step, tf.log1p, tf.expm1, tf.isNaN, tf.isInf, tf.isFinite, tf.sigmoid, tf.sqrt,
      (a: tf.Tensor) => tf.cast(a, "int32"), (a: tf.Tensor) => tf.cast(a, "bool"), (a: tf.Tensor) => tf.maximum(a, 0),
    ]; // biome-ignore format: a list
    await expectSame((a: tf.Tensor) => questions.map((f) => f(a)), [{ shape: [8], data: special }], 1e-6);
    const kernels = [
      tf.abs, tf.acos, tf.atan, tf.exp, tf.expm1, tf.isNaN, tf.leakyRelu, tf.log1p, tf.neg, tf.reciprocal, tf.relu6, tf.round,
      tf.selu, tf.sign, tf.softplus, tf.step, tf.mean, tf.max, tf.min, tf.sum,
    ] as unknown as ((a: tf.Tensor) => tf.Tensor)[]; // biome-ignore format: a list
    await expectSame((a: tf.Tensor) => kernels.map((f) => f(a)), [integers], 1e-6);
    const logical = kernels.filter((f) => f !== (tf.neg as unknown));
    await expectSame((a: tf.Tensor) => logical.map((f) => f(a)), [flags], 1e-6);
    await expectSame(
      (a: tf.Tensor, b: tf.Tensor) => [tf.floorDiv(a, b), tf.mod(a, b), tf.div(a, b)],
      [integers, { shape: [3], data: Int32Array.of(0, -4, 3) }],
    );
    const pairs = [
      tf.mul,
      tf.maximum,
      tf.minimum,
      tf.equal,
      tf.notEqual,
      tf.greater,
      tf.greaterEqual,
      tf.less,
      tf.lessEqual,
    ];
    const other = { ...flags, data: flags.data.map((_, i) => (i >> 1) % 2) };
    await expectSame((a: tf.Tensor, b: tf.Tensor) => pairs.map((f) => f(a, b)), [flags, other]);
  });

  it("captured tensors that share their data in other shapes and types", async () => {
    const flat = tf.tensor1d([1, 0, 1, 1, 0, 0], "bool");
    const [wide, tall, numbers] = [flat.reshape([2, 3]), flat.reshape([3, 2]), flat.cast("int32")];
    await expectSame((a: tf.Tensor) => [tf.where(wide, a, 0), tall.logicalNot(), numbers.reshape([6, 1])], [y3]);
  });

  it("gradients of gather, slice, pad, concat, split, tile, max, where and pow", async () => {
    const f = (a: tf.Tensor) =>
      valueAndGrad((a: tf.Tensor) => {
        const parts = [
          tf.gather(a, tf.tensor1d([2, 0, 0], "int32"), 1),
          tf.slice(a, [0, 1, 1], [2, 2, 2]),
          tf.pad(a, [[0, 1], [2, 0], [0, 0]]),
          tf.concat([a, tf.square(a)], 0),
          tf.split(a, [1, 3], 2)[1]!,
          tf.tile(a, [1, 2, 2]),
          tf.max(a, 1),
          tf.where(tf.greater(a, 0), tf.exp(a), a),
          tf.pow(tf.abs(a), 1.5),
          tf.softmax(a),
          tf.mean(a, 2),
        ]; // biome-ignore format: a list
        return {
          value: tf.addN(
            parts.map((part, i) =>
              part
                .mul(tf.range(0, part.size).sin().reshape(part.shape))
                .sum()
                .mul(i + 1),
            ),
          ),
        };
      }, a);
    await expectSame(f, [x], 1e-5);
  });
});

describe("what cannot be traced", () => {
  const lower = (f: (x: tf.Tensor) => tf.Tensor) => () => jit(f).lower(x);

  it("reading a value names the operation", () => {
    expect(lower((a) => (tf.exp(a).dataSync()[0]! > 0 ? a : tf.neg(a)))).toThrow(
      /\[2,3,4\] \(the result of Exp\) was read/,
    );
  });
  it("random numbers must be inputs", () => {
    expect(lower((a) => tf.randomNormal([1001]).sum().add(a))).toThrow(/random numbers of shape \[1001\]/);
    expect(lower((a) => tf.zeros([5000]).sum().add(a))).not.toThrow();
    expect(lower((a) => tf.randomUniform([]).add(a))).toThrow(/random numbers of shape \[\]/);
    expect(lower((a) => a.add(Math.random()))).toThrow(/Math.random\(\) was called/);
  });
  it("a kernel without lowering is named", () => {
    expect(lower((a) => tf.multinomial(a.reshape([6, 4]), 2))).toThrow(/Multinomial cannot be traced/);
  });
  it("an async function is refused, whatever becomes of its promise", async () => {
    const f = (async (a: tf.Tensor) => tf.tensor(a.dataSync())) as unknown as (a: tf.Tensor) => tf.Tensor;
    expect(lower(f)).toThrow(/async/);
    // An unhandled rejection would come now.
    await new Promise((resolve) => setTimeout(resolve));
  });
  it("arithmetic of truth values, which tfjs gives as numbers that no bool can have", () => {
    expect(lower((a) => a.greater(0).add(a.less(1)))).toThrow(/^Add: arithmetic of two bool tensors/);
  });
  it("shapes that do not fit name the operation and the place", () => {
    expect(lower((a) => a.add(tf.zeros([7])))).toThrow(/^Add: shapes/);
    expect(lower((a) => tf.tensor([a.sum()] as never))).toThrow(/shape \[1\] was made of 0 numbers/);
  });
  it("a tensor of another trace, or one that was disposed", () => {
    const kept: tf.Tensor[] = [];
    const keep = (a: tf.Tensor) => {
      kept.push(tf.keep(a.exp()));
      return a;
    };
    expect(lower(keep)).not.toThrow();
    expect(lower((a) => a.add(kept[0]!))).toThrow(/used after its program was traced/);
    expect(() => kept[0]!.dataSync()).toThrow(/used after its program was traced/);
    const gone = tf.tensor1d([1]);
    gone.dispose();
    expect(lower((a) => a.add(gone))).toThrow(/a disposed tensor of shape \[1\] was used/);
  });
  it("assigning a variable leaves it as it was; one made in the function ends with it", () => {
    const outer = tf.variable(tf.tensor1d([1, 2]));
    const { sgd } = tf.train;
    expect(lower((a) => sgd(1).minimize(() => outer.mul(a.sum()).sum() as tf.Scalar, true)!)).toThrow(
      /the tf.Variable \S+ \[2\] was assigned inside a traced function/,
    );
    expect(Array.from(outer.dataSync())).toEqual([1, 2]);
    const inner = (a: tf.Tensor) => {
      const sum = tf.variable(a, true, "inner");
      sum.assign(sum.add(a));
      return sum;
    };
    for (let i = 0; i < 2; i++) expect(lower(inner)).not.toThrow();
    outer.assign(outer.add(1));
    expect(Array.from(outer.dataSync())).toEqual([2, 3]);
    outer.dispose();
  });
  it("leaves tfjs as it was", () => {
    expect(lower((a) => tf.unique(a.flatten()).values)).toThrow();
    expect(tf.getBackend()).toBe("cpu");
    expect(tf.exp(0).dataSync()[0]).toBe(1);
  });
});
