import * as tf from "@tensorflow/tfjs";
import type { Builder } from "../../ir/builder.js";
import { type DType, Value } from "../../ir/graph.js";
import type { Lowering } from "../lowering.js";
import { takeAlong } from "./windows.js";

const counting = (length: number, shape: readonly number[]) =>
  new Value(
    shape,
    "float32",
    Float32Array.from({ length }, (_, i) => i),
  );
const isWithin = (b: Builder, at: Value, last: number) =>
  b.op("And", [b.op("GreaterOrEqual", [at, b.scalar(0)]), b.op("LessOrEqual", [at, b.scalar(last)])]);

/** Pixels of images [N, H, W, C] as rows, read at integer positions given as float32; positions outside are clamped. */
function pixels(b: Builder, image: Value, sample: Value, y: Value, x: Value): Value {
  const [n, h, w, c] = image.shape as [number, number, number, number];
  const clamped = (at: Value, last: number) => b.cast(b.op("Clip", [at, b.scalar(0), b.scalar(last)]), "int32");
  const row = b.op("Add", [b.op("Mul", [sample, b.scalar(h, "int32")]), clamped(y, h - 1)]);
  const index = b.op("Add", [b.op("Mul", [row, b.scalar(w, "int32")]), clamped(x, w - 1)]);
  return b.op("Gather", [b.reshape(image, [n * h * w, c]), index], { axis: 0 });
}

const unsqueezeLast = (b: Builder, x: Value) => b.reshape(x, [...x.shape, 1]);
const lerp = (b: Builder, from: Value, to: Value, fraction: Value) =>
  b.op("Add", [from, b.op("Mul", [b.op("Sub", [to, from]), fraction])]);
/** tfjs rounds halves up. */
const roundUp = (b: Builder, x: Value) => b.op("Floor", [b.op("Add", [x, b.scalar(0.5)])]);

interface CropAttrs {
  readonly cropSize: [number, number];
  readonly method: "bilinear" | "nearest";
  readonly extrapolationValue: number;
}

/** Boxes [M, 4] (y1, x1, y2, x2 in 0..1) of images, resized to [M, height, width, C]. */
const cropAndResize: Lowering = (b, { image, boxes, boxInd }, attrs: CropAttrs) => {
  const [n, h, w] = image!.shape as [number, number, number, number];
  const [height, width] = attrs.cropSize;
  const m = boxes!.shape[0]!;
  const corners = b.ops("Split", [boxes!], { axis: 1, split: [1, 1, 1, 1] }) as [Value, Value, Value, Value];
  const [y1, x1, y2, x2] = corners;
  /** Positions [M, size] in the image. Multiplies before it divides, so that whole numbers stay whole. */
  const positions = (from: Value, to: Value, length: number, size: number) => {
    const last = b.scalar(length - 1);
    if (size === 1) return b.op("Mul", [b.op("Mul", [b.op("Add", [from, to]), b.scalar(0.5)]), last]);
    const extent = b.op("Mul", [b.op("Sub", [to, from]), last]);
    const walked = b.op("Div", [b.op("Mul", [extent, counting(size, [1, size])]), b.scalar(size - 1)]);
    return b.op("Add", [b.op("Mul", [from, last]), walked]);
  };
  const y = b.reshape(positions(y1, y2, h, height), [m, height, 1]);
  const x = b.reshape(positions(x1, x2, w, width), [m, 1, width]);
  const sample = b.reshape(b.cast(boxInd!, "int32"), [m, 1, 1]);
  const known = b.op("Less", [sample, b.scalar(n, "int32")]);
  const item = b.op("Min", [sample, b.scalar(n - 1, "int32")]);
  const source = b.cast(image!, "float32");
  const read = (row: Value, column: Value) => pixels(b, source, item, row, column);
  const sampled = () => {
    if (attrs.method === "nearest") return read(roundUp(b, y), roundUp(b, x));
    const [top, left] = [b.op("Floor", [y]), b.op("Floor", [x])];
    const [bottom, right] = [b.op("Ceil", [y]), b.op("Ceil", [x])];
    const across = unsqueezeLast(b, b.op("Sub", [x, left]));
    const upper = lerp(b, read(top, left), read(top, right), across);
    const lower = lerp(b, read(bottom, left), read(bottom, right), across);
    return lerp(b, upper, lower, unsqueezeLast(b, b.op("Sub", [y, top])));
  };
  const inside = unsqueezeLast(b, b.op("And", [isWithin(b, y, h - 1), isWithin(b, x, w - 1)]));
  const filled = b.op("Where", [inside, sampled(), b.scalar(attrs.extrapolationValue)]);
  // tfjs leaves the crops of samples that do not exist at zero.
  return b.op("Where", [unsqueezeLast(b, known), filled, b.scalar(0)]);
};

interface RotateAttrs {
  readonly radians: number;
  readonly fillValue: number | readonly number[];
  readonly center: number | [number, number];
}

/** Rotation about a centre by a constant angle: which pixel goes where is known while tracing. */
const rotate: Lowering = (b, { image }, { radians, fillValue, center }: RotateAttrs) => {
  const [n, h, w, c] = image!.shape as [number, number, number, number];
  const [centreX, centreY] = tf.backend_util.getImageCenter(center, h, w);
  const [sine, cosine] = [Math.sin(radians), Math.cos(radians)];
  const indices = Int32Array.from({ length: h * w }, (_, i) => {
    const [x, y] = [(i % w) - centreX, Math.floor(i / w) - centreY];
    const column = Math.round(x * cosine - y * sine + centreX);
    const row = Math.round(x * sine + y * cosine + centreY);
    return column >= 0 && column < w && row >= 0 && row < h ? row * w + column : -1;
  });
  const dtype = image!.dtype as DType;
  const turned = takeAlong(
    b,
    b.reshape(image!, [n, h * w, c]),
    1,
    indices,
    typeof fillValue === "number" ? fillValue : 0,
  );
  if (typeof fillValue === "number") return b.reshape(turned, image!.shape);
  const colour = Float32Array.from({ length: c }, (_, i) => (i === 3 ? 255 : fillValue[i]!));
  const outside = b.constant(
    Uint8Array.from(indices, (index) => Number(index < 0)),
    [h * w, 1],
    "bool",
  );
  const fill = b.cast(b.constant(colour, [c], "float32"), dtype);
  return b.reshape(b.op("Where", [outside, fill, turned]), image!.shape);
};

interface TransformAttrs {
  readonly interpolation: "nearest" | "bilinear";
  readonly fillMode: "constant" | "reflect" | "wrap" | "nearest";
  readonly fillValue: number;
  readonly outputShape?: [number, number];
}

const truncated = (b: Builder, x: Value) => b.cast(b.cast(x, "int32"), "float32");
const clamp = (b: Builder, x: Value, length: number) => b.op("Clip", [x, b.scalar(0), b.scalar(length - 1)]);

/** How positions outside an axis of `length` are brought inside; tfjs's and TensorFlow's formulas. */
const fillModes: Readonly<Record<string, (b: Builder, x: Value, length: number) => Value>> = {
  constant: (_, x) => x,
  nearest: clamp,
  reflect: (b, x, length) => {
    if (length <= 1) return b.op("Mul", [x, b.scalar(0)]);
    const period = b.scalar(2 * length);
    const periods = truncated(b, b.op("Div", [b.op("Abs", [x]), period]));
    const left = b.op("Add", [x, b.op("Mul", [periods, period])]);
    const mirrored = b.op("Sub", [b.op("Neg", [left]), b.scalar(1)]);
    const below = b.op("Where", [b.op("Less", [left, b.scalar(-length)]), b.op("Add", [left, period]), mirrored]);
    const right = b.op("Sub", [x, b.op("Mul", [periods, period])]);
    const folded = b.op("Sub", [b.op("Sub", [period, right]), b.scalar(1)]);
    const above = b.op("Where", [b.op("GreaterOrEqual", [right, b.scalar(length)]), folded, right]);
    return clamp(b, b.op("Where", [b.op("Less", [x, b.scalar(0)]), below, above]), length);
  },
  wrap: (b, x, length) => {
    if (length <= 1) return b.op("Mul", [x, b.scalar(0)]);
    const turns = truncated(b, b.op("Div", [b.op("Abs", [x]), b.scalar(length - 1)]));
    const extent = b.scalar(length);
    const below = b.op("Add", [x, b.op("Mul", [extent, b.op("Add", [turns, b.scalar(1)])])]);
    const above = b.op("Sub", [x, b.op("Mul", [extent, turns])]);
    const beyond = b.op("Where", [b.op("Greater", [x, b.scalar(length - 1)]), above, x]);
    return clamp(b, b.op("Where", [b.op("Less", [x, b.scalar(0)]), below, beyond]), length);
  },
};

/** Projective transforms [N or 1, 8] of images: each output pixel reads the position it is mapped to. */
const transform: Lowering = (b, { image, transforms }, attrs: TransformAttrs) => {
  const [n, h, w] = image!.shape as [number, number, number, number];
  const [height, width] = attrs.outputShape ?? [h, w];
  const [t0, t1, t2, t3, t4, t5, t6, t7] = b
    .ops("Split", [b.cast(transforms!, "float32")], { axis: 1, split: Array<number>(8).fill(1) })
    .map((column) => b.reshape(column, [column.shape[0]!, 1, 1])) as readonly Value[];
  const [row, column] = [counting(height, [1, height, 1]), counting(width, [1, 1, width])];
  const linear = (p: Value, q: Value, r: Value) =>
    b.op("Add", [b.op("Add", [b.op("Mul", [p, column]), b.op("Mul", [q, row])]), r]);
  const projection = linear(t6!, t7!, b.scalar(1));
  const mapped = (p: Value, q: Value, r: Value, length: number) =>
    fillModes[attrs.fillMode]!(b, b.op("Div", [linear(p, q, r), projection]), length);
  const x = mapped(t0!, t1!, t2!, w);
  const y = mapped(t3!, t4!, t5!, h);

  const source = b.cast(image!, "float32");
  const sample = new Value(
    [n, 1, 1],
    "int32",
    Int32Array.from({ length: n }, (_, i) => i),
  );
  const fill = b.scalar(attrs.fillValue);
  const read = (atY: Value, atX: Value) => {
    const inside = b.op("And", [isWithin(b, atY, h - 1), isWithin(b, atX, w - 1)]);
    return b.op("Where", [unsqueezeLast(b, inside), pixels(b, source, sample, atY, atX), fill]);
  };
  const sampled = () => {
    if (attrs.interpolation === "nearest") return read(roundUp(b, y), roundUp(b, x));
    const [top, left] = [b.op("Floor", [y]), b.op("Floor", [x])];
    const [bottom, right] = [b.op("Add", [top, b.scalar(1)]), b.op("Add", [left, b.scalar(1)])];
    const across = unsqueezeLast(b, b.op("Sub", [x, left]));
    const upper = lerp(b, read(top, left), read(top, right), across);
    const lower = lerp(b, read(bottom, left), read(bottom, right), across);
    return lerp(b, upper, lower, unsqueezeLast(b, b.op("Sub", [y, top])));
  };
  const finite = unsqueezeLast(b, b.op("Not", [b.op("Equal", [projection, b.scalar(0)])]));
  return b.cast(b.op("Where", [finite, sampled(), fill]), image!.dtype as DType);
};

/** Kernels that read images at computed positions. */
export const sampling: Readonly<Record<string, Lowering>> = {
  CropAndResize: cropAndResize,
  RotateWithOffset: rotate,
  Transform: transform,
  FlipLeftRight: (b, { image }) => {
    const length = image!.shape[2]!;
    return takeAlong(
      b,
      image!,
      2,
      Int32Array.from({ length }, (_, i) => length - 1 - i),
      0,
    );
  },
};
