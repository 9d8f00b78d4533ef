import * as tf from "@tensorflow/tfjs";
import { type Builder, fillArray } from "../../ir/builder.js";
import { type DType, Value } from "../../ir/graph.js";
import type { Lowering } from "../lowering.js";

const axisOf = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);
const list = (inputs: Readonly<Record<string, Value>>) => Object.values(inputs);
const inserted = (shape: readonly number[], axis: number, size: number) => [
  ...shape.slice(0, axis),
  size,
  ...shape.slice(axis),
];

/** x[begin:end:strides] along every axis. */
export const slice = (
  b: Builder,
  x: Value,
  begin: readonly number[],
  end: readonly number[],
  strides: readonly number[],
) => {
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

export const dataMovement: Readonly<Record<string, Lowering>> = {
  Reshape: (b, { x }, { shape }: { shape: number[] }) => b.reshape(x!, tf.util.inferFromImplicitShape(shape, x!.size)),
  ExpandDims: (b, { input }, { dim }: { dim: number }) => {
    const rank = input!.shape.length;
    tf.util.assert(dim >= -rank - 1, () => `axis ${dim} is out of range for a tensor of rank ${rank}`);
    return b.reshape(input!, inserted(input!.shape, axisOf(dim, rank + 1), 1));
  },
  Transpose: (b, { x }, { perm }: { perm: number[] }) => b.transpose(x!, perm),
  Concat: (b, inputs, { axis }: { axis: number }) => {
    const filled = list(inputs).filter((x) => x.size > 0);
    const parts = filled.length > 0 ? filled : list(inputs);
    return parts.length === 1 ? parts[0]! : b.op("Concat", parts, { axis: axisOf(axis, parts[0]!.shape.length) });
  },
  Pack: (b, inputs, { axis }: { axis: number }) => {
    const at = axisOf(axis, list(inputs)[0]!.shape.length + 1);
    for (const { shape } of list(inputs)) {
      tf.util.assertShapesMatch(
        [...shape],
        [...list(inputs)[0]!.shape],
        "All tensors of tf.stack must have one shape. ",
      );
    }
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
    tf.slice_util.assertParamsValid({ shape: [...x!.shape], rank: x!.shape.length } as tf.Tensor, starts!, sizes!);
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
    const axes = x!.shape.length === 0 ? [] : tf.util.parseAxisParam(dims, [...x!.shape]);
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
  Range: (b, _, { start, stop, step, dtype }: { start: number; stop: number; step: number; dtype: DType }) => {
    // tfjs turns a step of 1 round where it leads away from the end.
    const stride = stop < start && step === 1 ? -1 : step;
    const length = Math.max(0, Math.ceil((stop - start) / stride));
    return b.constant(
      fillArray(dtype, length, (i) => start + i * stride),
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
