import * as tf from "@tensorflow/tfjs";
import { JitError } from "../../errors.js";
import type { Builder } from "../../ir/builder.js";
import { type DType, sizeOf, Value } from "../../ir/graph.js";
import type { Lowering } from "../lowering.js";

const axisOf = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

/** 0, 1, ..., length - 1 as int32 of the given shape. */
const counting = (length: number, shape: readonly number[]) =>
  new Value(
    shape,
    "int32",
    Int32Array.from({ length }, (_, i) => i),
  );

/** Reads x along `axis`; with batch dimensions, item i of the batch by item i of the indices. */
const gather: Lowering = (b, { x, indices }, { axis, batchDims }: { axis: number; batchDims?: number }) => {
  const at = axisOf(axis, x!.shape.length);
  const rows = b.cast(indices!, "int32");
  if (!batchDims) return b.op("Gather", [x!, rows], { axis: at });
  const batchRank = axisOf(batchDims, indices!.shape.length);
  // Throws where the batches do not fit.
  tf.backend_util.segment_util.collectGatherOpShapeInfo(
    { shape: [...x!.shape] } as tf.TensorInfo,
    { shape: [...indices!.shape] } as tf.TensorInfo,
    at,
    batchDims,
  );
  const batch = sizeOf(x!.shape.slice(0, batchRank));
  const outer = x!.shape.slice(batchRank, at);
  const inner = x!.shape.slice(at + 1);
  const length = x!.shape[at]!;
  // The axis goes beside the batch, where both together are one axis of rows.
  const flat = b.reshape(x!, [batch, sizeOf(outer), length, sizeOf(inner)]);
  const table = b.reshape(b.transpose(flat, [0, 2, 1, 3]), [batch * length, sizeOf(outer), sizeOf(inner)]);
  const perItem = indices!.size / batch;
  const offset = b.op("Mul", [counting(batch, [batch, 1]), b.scalar(length, "int32")]);
  const picked = b.op("Gather", [table, b.op("Add", [b.reshape(rows, [batch, perItem]), offset])], { axis: 0 });
  const shape = [...x!.shape.slice(0, at), ...indices!.shape.slice(batchRank), ...inner];
  return b.reshape(b.transpose(picked, [0, 2, 1, 3]), shape);
};

/** The most elements of a one-hot matrix that is worth multiplying by. */
const largestOneHot = 1 << 18;

/**
 * Sums rows by segment, unsorted; rows of no segment are left out. A product with a one-hot matrix while that is small, which runs in
 * parallel; else rows are added one by one, with memory in proportion to them.
 */
const unsortedSegmentSum: Lowering = (b, { x, segmentIds }, { numSegments }: { numSegments: number }) => {
  const rows = segmentIds!.size;
  const ids = b.reshape(b.cast(segmentIds!, "int32"), [rows]);
  const rest = x!.shape.slice(segmentIds!.shape.length);
  // tfjs, too, gives float32 for integers.
  const flat = b.cast(b.reshape(x!, [rows, sizeOf(rest)]), "float32");
  const shape = [numSegments, ...rest];
  if (numSegments * rows <= largestOneHot) {
    const matrix = b.op("Equal", [counting(numSegments, [numSegments, 1]), b.reshape(ids, [1, rows])]);
    return b.reshape(b.op("Gemm", [b.cast(matrix, "float32"), flat], { transA: 0, transB: 0 }), shape);
  }
  const last = b.scalar(numSegments - 1, "int32");
  const nearest = b.op("Clip", [ids, b.scalar(0, "int32"), last]);
  const counted = b.op("Where", [b.reshape(b.op("Equal", [ids, nearest]), [rows, 1]), flat, b.scalar(0)]);
  return scatter(
    b,
    b.full(0, shape, "float32"),
    b.reshape(nearest, [rows, 1]),
    b.reshape(counted, [rows, ...rest]),
    "add",
  );
};

const oneHot: Lowering = (
  b,
  { indices },
  { depth, onValue, offValue, dtype }: { depth: number; onValue: number; offValue: number; dtype: DType },
) => {
  const hit = b.op("Equal", [b.reshape(b.cast(indices!, "int32"), [...indices!.shape, 1]), counting(depth, [depth])]);
  return b.cast(b.op("Where", [hit, b.scalar(onValue), b.scalar(offValue)]), dtype);
};

/** Row numbers [rows] of index tuples [..., rank] into the first `rank` axes of `shape`. */
function flatIndices(b: Builder, indices: Value, shape: readonly number[]): Value {
  const rank = indices.shape.at(-1) ?? 1;
  const rows = indices.size / Math.max(rank, 1);
  if (rank === 0) return b.full(0, [rows], "int32");
  const tuples = b.reshape(b.cast(indices, "int32"), [rows, rank]);
  if (rank === 1) return b.reshape(tuples, [rows]);
  const strides = Int32Array.from({ length: rank }, (_, i) => sizeOf(shape.slice(i + 1, rank)));
  return b.reduce("ReduceSum", b.op("Mul", [tuples, new Value([rank], "int32", strides)]), [1], false);
}

const gatherNd: Lowering = (b, { params, indices }) => {
  tf.util.assert(
    params!.shape.length > 0 && indices!.shape.length > 0 && indices!.shape.at(-1)! <= params!.shape.length,
    () => `tf.gatherND: indices [${indices!.shape}] do not fit [${params!.shape}]`,
  );
  const rank = indices!.shape.at(-1)!;
  const rest = params!.shape.slice(rank);
  const table = b.reshape(params!, [sizeOf(params!.shape.slice(0, rank)), ...rest]);
  const picked = b.op("Gather", [table, flatIndices(b, indices!, params!.shape)], { axis: 0 });
  return b.reshape(picked, [...indices!.shape.slice(0, -1), ...rest]);
};

/** Writes updates into rows of `target`, or adds them. Index tuples of rank 1 are given as one number each. */
function scatter(b: Builder, target: Value, indices: Value, updates: Value, reduction: "none" | "add"): Value {
  const rank = indices.shape.length <= 1 ? 1 : indices.shape.at(-1)!;
  const rest = target.shape.slice(rank);
  const tuples = indices.shape.length <= 1 ? b.reshape(indices, [indices.size, 1]) : indices;
  const flat = flatIndices(b, tuples, target.shape);
  const rows = flat.size;
  const slices = [rows, sizeOf(rest)];
  const spread = updates.shape.length === 0 ? b.expand(updates, slices) : b.reshape(updates, slices);
  const table = b.reshape(target, [sizeOf(target.shape.slice(0, rank)), sizeOf(rest)]);
  const positions = b.op("Cast", [b.reshape(flat, [rows, 1])], { to: "int64" });
  return b.reshape(b.op("ScatterND", [table, positions, spread], { reduction }), target.shape);
}

/** Truth values are counted as integers by what cannot add or compare them. */
const viaIntegers = (b: Builder, x: Value, f: (x: Value) => Value) =>
  x.dtype === "bool" ? b.cast(f(b.cast(x, "int32")), "bool") : f(x);

const scatterNd: Lowering = (b, { indices, updates }, { shape }: { shape: number[] }) =>
  viaIntegers(b, updates!, (values) => {
    const zeros = b.full(0, shape, values.dtype as DType);
    return scatter(b, zeros, indices!, values, "add");
  });

/** The largest k elements along the last axis, and where they are. */
const topK: Lowering = (b, { x }, { k }: { k: number }) => {
  // Sorted always: of equal elements tfjs's users expect the first one first, asked for or not.
  const attributes = { k: [k], axis: x!.shape.length - 1, largest: 1, sorted: 1 };
  const [values, indices] = b.ops(
    "TopK",
    [b.cast(x!, x!.dtype === "bool" ? "int32" : (x!.dtype as DType))],
    attributes,
  );
  return [b.cast(values!, x!.dtype as DType), b.cast(indices!, "int32")];
};

/** Weighted counts of the integers below `size` in each row of x. */
const bincount: Lowering = (b, { x, weights }, attrs: { size: number; binaryOutput?: boolean }) => {
  const length = x!.shape.at(-1)!;
  const batch = x!.shape.slice(0, -1);
  const hit = b.op("Equal", [
    b.reshape(b.cast(x!, "int32"), [...batch, 1, length]),
    counting(attrs.size, [attrs.size, 1]),
  ]);
  const dtype = weights!.dtype as DType;
  const axis = batch.length + 1;
  if (attrs.binaryOutput && batch.length > 0) {
    return b.cast(b.reduce("ReduceMax", b.cast(hit, "int32"), [axis], false), dtype);
  }
  const ones = b.cast(hit, dtype === "float32" ? "float32" : "int32");
  const counts =
    weights!.size === 0
      ? ones
      : b.op("Mul", [ones, b.reshape(b.cast(weights!, ones.dtype as DType), [...batch, 1, length])]);
  return b.cast(b.reduce("ReduceSum", counts, [axis], false), dtype);
};

/** For each value how many elements of its row of the sorted sequences are smaller (left), or not larger (right). */
const searchSorted: Lowering = (b, { sortedSequence, values }, { side }: { side: "left" | "right" }) => {
  const [batch, length] = sortedSequence!.shape as [number, number];
  const count = values!.shape[1]!;
  const sequence = b.reshape(sortedSequence!, [batch, 1, length]);
  const before = b.op(side === "left" ? "Less" : "LessOrEqual", [sequence, b.reshape(values!, [batch, count, 1])]);
  return b.reduce("ReduceSum", b.cast(before, "int32"), [2], false);
};

/** x on the diagonal of a matrix of zeros. */
const diag: Lowering = (b, { x }) => {
  const size = x!.size;
  const on = b.op("Equal", [counting(size, [size, 1]), counting(size, [size])]);
  const square = viaIntegers(b, b.reshape(x!, [size]), (row) =>
    b.op("Where", [on, row, b.scalar(0, row.dtype as DType)]),
  );
  return b.reshape(square, [...x!.shape, ...x!.shape]);
};

/** The shape that two shapes broadcast to. Shapes are known while tracing, or not at all. */
const broadcastArgs: Lowering = (b, { s0, s1 }) => {
  if (s0!.data === undefined || s1!.data === undefined) {
    throw new JitError("JIT106", "the operation BroadcastArgs cannot be traced for shapes that are computed", {
      hint: "Use the shapes of the tensors (x.shape), which are known while tracing.",
    });
  }
  const shape = tf.backend_util.assertAndGetBroadcastShape(Array.from(s0!.data), Array.from(s1!.data));
  return b.constant(Int32Array.from(shape), [shape.length], "int32");
};

export const indexing: Readonly<Record<string, Lowering>> = {
  GatherV2: gather,
  GatherNd: gatherNd,
  ScatterNd: scatterNd,
  TensorScatterUpdate: (b, { tensor, indices, updates }) => scatter(b, tensor!, indices!, updates!, "none"),
  SparseToDense: (b, { sparseIndices, sparseValues, defaultValue }, { outputShape }: { outputShape: number[] }) =>
    scatter(b, b.expand(defaultValue!, outputShape), sparseIndices!, sparseValues!, "none"),
  UnsortedSegmentSum: unsortedSegmentSum,
  OneHot: oneHot,
  TopK: topK,
  Bincount: bincount,
  DenseBincount: bincount,
  SearchSorted: searchSorted,
  Diag: diag,
  BroadcastArgs: broadcastArgs,
};
