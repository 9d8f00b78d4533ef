import { describe, it } from "vitest";
import { expectSame, noise } from "../../../test/compare.js";
import { expectGradients, withGradients } from "../../../test/gradients.js";
import { tf } from "../../index.js";

type F = (...xs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
type G = (...xs: tf.Tensor[]) => tf.Tensor;
const x = noise([3, 4, 5], 1.1);
const integers = (shape: readonly number[], ...data: number[]) => ({ shape, data: Int32Array.from(data) });
const sorted = { shape: [2, 5], data: Float32Array.of(0, 1, 1, 2, 5, -1, 0, 3, 3, 3) };
const zeros = { shape: [2, 5], data: Float32Array.of(1.5, 0, -2, 0.5, 3, 2, 1, -0.5, 0, 2) };
const pairs = tf.tensor2d([[2, 1], [0, 3], [2, 1]], [3, 2], "int32"); // biome-ignore format: a table

describe("indexing against tfjs's eager cpu backend", () => {
  const cases: Record<string, [F, unknown[]]> = {
    "gather with batch dimensions": [
      (x, i) => [tf.gather(x, i, 1, 1), tf.gather(x, i, 2, 1), tf.gather(x, i, -1, 1), tf.gather(x.reshape([3, 2, 10]), i.reshape([3, 2, 1]), 2, 2)],
      [x, integers([3, 2], 3, 0, 1, 1, 2, 3)],
    ],
    "gatherND": [(x, i) => [tf.gatherND(x, i), tf.gatherND(x, tf.zeros([2, 3], "int32")), tf.gatherND(x, i.slice([0, 0], [3, 1]))], [x, integers([3, 2], 2, 1, 0, 3, 2, 1)]],
    "scatterND adds": [
      (u, i) => [tf.scatterND(i, u, [4, 5]), tf.scatterND(i.slice([0, 0], [3, 1]), u, [4, 5]), tf.scatterND(tf.concat([i, i], 1), u.slice([0, 0], [3, 1]).reshape([3]), [4, 4])],
      [noise([3, 5]), integers([3, 1], 2, 0, 2)],
    ],
    "scatterND of integers": [(u, i) => tf.scatterND(i, u, [4]), [integers([3], 5, 6, 7), integers([3, 1], 2, 0, 2)]],
    "tensorScatterUpdate": [(x, u) => tf.tensorScatterUpdate(x.mul(1), tf.tensor2d([[2, 1], [0, 3]], [2, 2], "int32"), u), [x, noise([2, 5], 0.4)]],
    "sparseToDense": [(v) => [tf.sparseToDense(tf.tensor2d([[0, 1], [2, 0]], [2, 2], "int32"), v, [3, 2], tf.scalar(7)), tf.sparseToDense(tf.tensor1d([3, 1], "int32"), v, [5], 0)], [noise([2])]],
    "unsortedSegmentSum of integers": [(x) => tf.unsortedSegmentSum(x, tf.tensor1d([1, -1, 1], "int32"), 3), [integers([3, 2], 9, 1, 2, 3, 5, 7)]],
    "unsortedSegmentSum of many rows": [(x) => tf.unsortedSegmentSum(x, tf.range(0, 1200, 1, "int32").mul(tf.scalar(7, "int32")).mod(tf.scalar(1500, "int32")).sub(tf.scalar(3, "int32")) as tf.Tensor1D, 1400), [noise([1200, 2])]],
    "topk": [(x, z) => [...Object.values(tf.topk(x, 3)), ...Object.values(tf.topk(z, 5)), ...Object.values(tf.topk(z.cast("int32"), 2))], [x, zeros]],
    "bincount": [
      (x, w) => [tf.bincount(x as tf.Tensor1D, [], 4), tf.bincount(x as tf.Tensor1D, w as tf.Tensor1D, 3), tf.denseBincount(x.reshape([2, 3]) as tf.Tensor2D, w.reshape([2, 3]) as tf.Tensor2D, 4), tf.denseBincount(x.reshape([2, 3]) as tf.Tensor2D, [], 4, true)],
      [integers([6], 1, 3, 3, 0, 1, 1), noise([6])],
    ],
    "searchSorted": [(s, v) => [tf.searchSorted(s, v), tf.lowerBound(s, v), tf.upperBound(s, v)], [sorted, { shape: [2, 4], data: Float32Array.of(1, 0.5, 9, -3, 3, 0, -1, 2.5) }]],
    "diag, matrixBandPart": [(z) => [tf.diag(z), tf.diag(z.greater(0).reshape([10])), tf.linalg.bandPart(z, 1, 0)], [zeros]],
    "einsum": [
      (a, b) => [
        tf.einsum("ijk,ikl->ijl", a, b), tf.einsum("ijk,ikl->lj", a, b), tf.einsum("ijk->ki", a), tf.einsum("ijk,ikl->", a, b), tf.einsum("ij,k->kji", a.slice([0], [1]).squeeze(), b.slice([0, 0, 0], [1, 5, 1]).reshape([5])),
        tf.einsum("ijk,ijk->ij", a, a), tf.einsum("i,i->", a.slice([0, 0, 0], [1, 1, 5]).reshape([5]), a.slice([0, 1, 0], [1, 1, 5]).reshape([5])),
      ],
      [x, noise([3, 5, 2], 0.6)],
    ],
    "cumprod": [(x, z) => [tf.cumprod(x, 1), tf.cumprod(x, 2, true), tf.cumprod(x, 0, false, true), tf.cumprod(z, 1, true, true)], [x, zeros]],
    "cumsum, cumprod of truth values and integers": [(i) => [tf.cumsum(i), tf.cumprod(i), tf.cumsum(i.greater(1)), tf.cumprod(i.cast("bool"))], [integers([5], 2, 1, -3, 0, 4)]],
    "atan2": [(a, b) => [tf.atan2(a, b), tf.atan2(b, a)], [{ shape: [3, 1], data: Float32Array.of(-1.5, 0, 2) }, { shape: [4], data: Float32Array.of(-2, 0, 0.3, 4) }]],
    "atan2 of infinities": [(a) => tf.atan2(a, a.reshape([5, 1])), [{ shape: [5], data: Float32Array.of(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1, -1, Number.NaN) }]],
    "bitwiseAnd": [(a, b) => tf.bitwiseAnd(a, b), [integers([4], 12, -1, 7, 255), integers([4], 10, 99, -8, 15)]],
    "matMul of integers": [(a) => [tf.matMul(a, a, true, false), tf.dot(a, a.transpose())], [integers([2, 3], 1, -2, 3, 70000, 5, 6)]],
  }; // biome-ignore format: a table
  it.each(Object.entries(cases))("%s", async (_, [f, args]) => {
    await expectSame(f, args, 1e-5);
  });

  it("shapes that broadcast", async () => {
    await expectSame(
      (x: tf.Tensor) => tf.broadcastArgs(tf.tensor1d([3, 1], "int32"), tf.tensor1d([2, 1, 4], "int32")).add(x),
      [integers([], 0)],
    );
  });
});

describe("gradients of indexing, scans and sums of products", () => {
  const gatherRows: G = (x) => tf.gather(x!, tf.tensor2d([3, 0, 0, 1, 2, 3], [3, 2], "int32"), 1, 1);
  const ofTfjs: Record<string, [G, unknown[]]> = {
    "gather with batch dimensions": [gatherRows, [x]],
    "prod": [(x) => tf.prod(x!, 1), [zeros]],
    "atan2": [(a, b) => tf.atan2(a!, b!), [noise([3, 1], 0.8), noise([4], 0.3)]],
  }; // biome-ignore format: a table
  it.each(Object.entries(ofTfjs))("%s as tfjs's", async (_, [f, args]) => {
    await expectSame(withGradients(f), args, 1e-5);
  });

  const deep = noise([1, 2, 1, 2, 1, 2], 0.7);
  const small = noise([2, 3], 0.9);
  const own: Record<string, [G, ReturnType<typeof noise>[]]> = {
    "gather with two batch dimensions": [(x) => tf.gather(x!, tf.tensor3d([2, 0, 0, 1], [2, 1, 2], "int32"), 2, 2), [noise([2, 1, 3, 2])]],
    "gather with a batch dimension": [(x) => tf.gather(x!, tf.tensor2d([2, 0, 0, 1], [2, 2], "int32"), 2, 1), [noise([2, 2, 3, 2])]],
    "gatherND": [(x) => tf.gatherND(x!, pairs), [noise([3, 4, 2])]],
    "scatterND": [(u) => tf.scatterND(pairs, u!, [3, 4, 2]), [noise([3, 2])]],
    "tensorScatterUpdate": [(x, u) => tf.tensorScatterUpdate(x!.mul(1), pairs.slice(0, 2), u!), [noise([3, 4]), noise([2], 0.3)]],
    "diag": [(x) => tf.diag(x!), [small]],
    "topk": [(x) => tf.topk(x!, 2).values, [noise([2, 5])]],
    "cumprod": [(x) => tf.cumprod(x!, 1), [zeros]],
    "cumsum of columns": [(x) => tf.cumsum(x!, 0, true), [small]],
    "cumprod, exclusive and reversed": [(x) => tf.cumprod(x!, 1, true, true), [zeros]],
    "einsum: matrix product": [(a, b) => tf.einsum("ij,jk->ki", a!, b!), [small, noise([3, 2], 0.4)]],
    "einsum: batch, contraction and lonely sums": [(a, b) => tf.einsum("bj,bjk->b", a!, b!), [noise([2, 2]), noise([2, 2, 3], 0.4)]],
    "einsum: one term": [(a) => tf.einsum("ij->j", a!), [small]],
    "tile of rank 6": [(x) => tf.tile(x!, [2, 1, 3, 2, 1, 1]), [deep]],
    "tile": [(x) => tf.tile(x!, [2, 3]), [small]],
    "mirrorPad": [(x) => tf.mirrorPad(x!, [[0, 0], [2, 1], [1, 0]], "reflect"), [noise([2, 7, 2])]],
    "mirrorPad of little": [(x) => tf.mirrorPad(x!, [[2, 1], [2, 2]], "symmetric"), [small]],
    "mirrorPad to all sides": [(x) => tf.mirrorPad(x!, [[1, 1], [2, 2]], "reflect"), [small]],
    "stridedSlice": [(x) => tf.stridedSlice(x!, [0, 1], [2, 5], [1, 2]), [noise([2, 5])]],
    "stridedSlice, backwards": [(x) => tf.stridedSlice(x!, [-1, 4], [-3, 0], [-1, -3]), [noise([2, 5])]],
    "stridedSlice with masks": [(x) => tf.stridedSlice(x!, [0, 0, 1], [0, 0, 4], [1, 1, 2], 0, 0, 1, 2), [noise([2, 3, 5])]],
    "where of several conditions": [(x) => tf.where(tf.logicalAnd(x!.greater(0), tf.logicalNot(x!.greater(0.5))), x!.square(), x!), [small]],
  }; // biome-ignore format: a table
  it.each(Object.entries(own))("%s equals finite differences", async (_, [f, args]) => {
    await expectGradients(f, args);
  });
});
