import * as tf from "@tensorflow/tfjs";
import { JitError } from "../../errors.js";
import { type Builder, fillArray } from "../../ir/builder.js";
import { type DType, sizeOf, Value } from "../../ir/graph.js";
import type { Lowering } from "../lowering.js";

const axisOf = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);
const list = (inputs: Readonly<Record<string, Value>>) => Object.values(inputs);
const inserted = (shape: readonly number[], axis: number, size: number) => [
  ...shape.slice(0, axis),
  size,
  ...shape.slice(axis),
];

const slice = (b: Builder, x: Value, begin: readonly number[], end: readonly number[], strides: readonly number[]) => {
  const axes = x.shape.map((_, i) => i).filter((i) => begin[i] !== 0 || end[i] !== x.shape[i] || strides[i] !== 1);
  if (axes.length === 0) return x;
  const pick = (values: readonly number[]) => axes.map((axis) => values[axis]!);
  return b.op("Slice", [x], { starts: pick(begin), ends: pick(end), axes, steps: pick(strides) });
};

/** Rows `indices` of x [B, L, C] along L as [B, K, C]; index -1 gives zeros. */
export function takeRows(b: Builder, x: Value, indices: Int32Array): Value {
  const [batch, length, channels] = x.shape as [number, number, number];
  const missing = indices.includes(-1);
  const source = missing ? b.op("Concat", [x, b.full(0, [batch, 1, channels], x.dtype as DType)], { axis: 1 }) : x;
  const data = missing ? indices.map((index) => (index < 0 ? length : index)) : indices;
  return b.op("Gather", [source, new Value([data.length], "int32", data)], { axis: 1 });
}

const gather: Lowering = (b, { x, indices }, { axis, batchDims }: { axis: number; batchDims: number }) => {
  if (batchDims !== 0) {
    throw new JitError("JIT107", "tf.gather with batchDims cannot be traced", {
      hint: "Gather without batch dimensions.",
    });
  }
  return b.op("Gather", [x!, indices!], { axis: axisOf(axis, x!.shape.length) });
};

/** Sums rows by segment as a product with a one-hot matrix: the segments need not be sorted, and both providers run it. */
const unsortedSegmentSum: Lowering = (b, { x, segmentIds }, { numSegments }: { numSegments: number }) => {
  const rows = segmentIds!.shape[0]!;
  const segments = new Value(
    [numSegments, 1],
    "int32",
    Int32Array.from({ length: numSegments }, (_, i) => i),
  );
  const matrix = b.cast(b.op("Equal", [segments, b.reshape(segmentIds!, [1, rows])]), "float32");
  const rest = x!.shape.slice(1);
  const flat = b.cast(b.reshape(x!, [rows, sizeOf(rest)]), "float32");
  const sum = b.reshape(b.op("Gemm", [matrix, flat], { transA: 0, transB: 0 }), [numSegments, ...rest]);
  return b.cast(sum, x!.dtype as DType);
};

const oneHot: Lowering = (
  b,
  { indices },
  { depth, onValue, offValue, dtype }: { depth: number; onValue: number; offValue: number; dtype: DType },
) => {
  const classes = new Value(
    [depth],
    "int32",
    Int32Array.from({ length: depth }, (_, i) => i),
  );
  const hit = b.op("Equal", [b.reshape(b.cast(indices!, "int32"), [...indices!.shape, 1]), classes]);
  return b.cast(b.op("Where", [hit, b.scalar(onValue), b.scalar(offValue)]), dtype);
};

/** Nearest neighbour over H and W of images [N, H, W, C], with tfjs's rounding. */
const resizeNearest: Lowering = (
  b,
  { images },
  {
    size,
    alignCorners,
    halfPixelCenters,
  }: { size: [number, number]; alignCorners: boolean; halfPixelCenters: boolean },
) => {
  const along = (x: Value, axis: number, out: number) => {
    const length = x.shape[axis]!;
    const aligned = alignCorners && out > 1;
    const scale = aligned ? (length - 1) / (out - 1) : length / out;
    const indices = Int32Array.from({ length: out }, (_, i) => {
      const at = halfPixelCenters ? scale * (i + 0.5) : scale * i;
      return Math.max(0, Math.min(length - 1, aligned ? Math.round(at) : Math.floor(at)));
    });
    return b.op("Gather", [x, new Value([out], "int32", indices)], { axis });
  };
  return along(along(images!, 1, size[0]), 2, size[1]);
};

export const dataMovement: Readonly<Record<string, Lowering>> = {
  Reshape: (b, { x }, { shape }: { shape: number[] }) => b.reshape(x!, tf.util.inferFromImplicitShape(shape, x!.size)),
  ExpandDims: (b, { input }, { dim }: { dim: number }) =>
    b.reshape(input!, inserted(input!.shape, axisOf(dim, input!.shape.length + 1), 1)),
  Transpose: (b, { x }, { perm }: { perm: number[] }) => b.transpose(x!, perm),
  Concat: (b, inputs, { axis }: { axis: number }) => {
    const parts = list(inputs).filter((x) => x.size > 0);
    return parts.length === 1 ? parts[0]! : b.op("Concat", parts, { axis: axisOf(axis, parts[0]!.shape.length) });
  },
  Pack: (b, inputs, { axis }: { axis: number }) => {
    const at = axisOf(axis, list(inputs)[0]!.shape.length + 1);
    return b.op(
      "Concat",
      list(inputs).map((x) => b.reshape(x, inserted(x.shape, at, 1))),
      { axis: at },
    );
  },
  Unpack: (b, { value }, { axis }: { axis: number }) => {
    const at = axisOf(axis, value!.shape.length);
    const shape = value!.shape.filter((_, i) => i !== at);
    const count = value!.shape[at]!;
    const parts = b.ops("Split", [value!], { axis: at, split: Array<number>(count).fill(1) });
    return parts.map((part) => b.reshape(part, shape));
  },
  SplitV: (b, { x }, { numOrSizeSplits, axis }: { numOrSizeSplits: number | number[]; axis: number }) => {
    const at = axisOf(axis, x!.shape.length);
    const split = tf.backend_util.prepareSplitSize({ shape: [...x!.shape] } as tf.Tensor, numOrSizeSplits, at);
    return b.ops("Split", [x!], { axis: at, split });
  },
  Slice: (b, { x }, { begin, size }: { begin: number | number[]; size: number | number[] }) => {
    const [starts, sizes] = tf.slice_util.parseSliceParams(
      { shape: [...x!.shape], rank: x!.shape.length } as tf.Tensor,
      begin,
      size,
    );
    return slice(b, x!, starts!, starts!.map((start, i) => start + sizes![i]!), x!.shape.map(() => 1)); // biome-ignore format: one line
  },
  StridedSlice: (b, { x }, attrs: Record<"begin" | "end" | "strides", number[]> & Record<string, number>) => {
    const info = tf.slice_util.sliceInfo(
      [...x!.shape], attrs.begin, attrs.end, attrs.strides, attrs.beginMask!, attrs.endMask!, attrs.ellipsisMask!,
      attrs.newAxisMask!, attrs.shrinkAxisMask!,
    ); // biome-ignore format: tfjs's argument order
    const ends = info.end.map((end, i) => (info.strides[i]! < 0 && end < 0 ? -x!.shape[i]! - 1 : end));
    return b.reshape(slice(b, x!, info.begin, ends, info.strides), info.finalShape);
  },
  Reverse: (b, { x }, { dims }: { dims: number | number[] }) => {
    const axes = [dims].flat().map((axis) => axisOf(axis, x!.shape.length));
    return axes.reduce((y, axis) => {
      const length = y.shape[axis]!;
      const indices = Int32Array.from({ length }, (_, i) => length - 1 - i);
      return b.op("Gather", [y, new Value([length], "int32", indices)], { axis });
    }, x!);
  },
  PadV2: (b, { x }, { paddings, constantValue }: { paddings: [number, number][]; constantValue: number }) => {
    if (constantValue === 0)
      return b.op("Pad", [x!], { pads: [...paddings.map((p) => p[0]), ...paddings.map((p) => p[1])] });
    return paddings.reduce((y, sides, axis) => {
      const [before, after] = sides.map((size) =>
        size === 0
          ? []
          : [
              b.full(
                constantValue,
                y.shape.map((old, i) => (i === axis ? size : old)),
                y.dtype as DType,
              ),
            ],
      );
      return before!.length + after!.length === 0 ? y : b.op("Concat", [...before!, y, ...after!], { axis });
    }, x!);
  },
  MirrorPad: (b, { x }, { paddings, mode }: { paddings: [number, number][]; mode: "reflect" | "symmetric" }) => {
    const inset = mode === "reflect" ? 1 : 0;
    return paddings.reduce((y, [before, after], axis) => {
      if (before + after === 0) return y;
      const length = y.shape[axis]!;
      const indices = Int32Array.from({ length: before + length + after }, (_, i) => {
        const at = i - before;
        return at < 0 ? -at - 1 + inset : at >= length ? 2 * length - at - 1 - inset : at;
      });
      return b.op("Gather", [y, new Value([indices.length], "int32", indices)], { axis });
    }, x!);
  },
  Tile: (b, { x }, { reps }: { reps: number[] }) => {
    if (reps.every((count) => count === 1)) return x!;
    const repeated = x!.shape.map((size, i) => size * reps[i]!);
    const spreads = x!.shape.every((size, i) => size === 1 || reps[i] === 1);
    return spreads ? b.expand(x!, repeated) : b.op("Tile", [x!], { repeats: reps });
  },
  Fill: (b, _, { shape, value, dtype }: { shape: number[]; value: number; dtype?: DType }) =>
    b.full(value, shape, dtype ?? "float32"),
  GatherV2: gather,
  UnsortedSegmentSum: unsortedSegmentSum,
  OneHot: oneHot,
  ResizeNearestNeighbor: resizeNearest,
  Range: (b, _, { start, stop, step, dtype }: { start: number; stop: number; step: number; dtype: DType }) => {
    const length = Math.max(0, Math.ceil((stop - start) / step));
    return b.constant(
      fillArray(dtype, length, (i) => start + i * step),
      [length],
      dtype,
    );
  },
  LinSpace: (b, _, { start, stop, num }: { start: number; stop: number; num: number }) => {
    const step = num > 1 ? (stop - start) / (num - 1) : 0;
    return b.constant(
      Float32Array.from({ length: num }, (_, i) => start + i * step),
      [num],
      "float32",
    );
  },
};
