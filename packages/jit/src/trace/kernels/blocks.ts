import * as tf from "@tensorflow/tfjs";
import type { Builder } from "../../ir/builder.js";
import type { Value } from "../../ir/graph.js";
import type { Lowering } from "../lowering.js";
import { slice } from "./movement.js";

const { getPermuted, getReshaped, getReshapedPermuted, getSliceBeginCoords, getSliceSize } = tf.backend_util;

/** Reshape, transpose, reshape. */
const regroup = (b: Builder, x: Value, split: number[], perm: number[], merged: number[]) =>
  b.reshape(b.transpose(b.reshape(x, split), perm), merged);

/** [N, H, W, block² C] to [N, H block, W block, C]. */
const depthToSpace: Lowering = (b, { x }, attrs: { blockSize: number; dataFormat: "NHWC" | "NCHW" }) => {
  const { blockSize: k } = attrs;
  if (attrs.dataFormat === "NCHW") {
    const [n, c, h, w] = x!.shape as [number, number, number, number];
    const depth = c / (k * k);
    return regroup(b, x!, [n, k, k, depth, h, w], [0, 3, 4, 1, 5, 2], [n, depth, h * k, w * k]);
  }
  const [n, h, w, c] = x!.shape as [number, number, number, number];
  const depth = c / (k * k);
  return regroup(b, x!, [n, h, w, k, k, depth], [0, 1, 3, 2, 4, 5], [n, h * k, w * k, depth]);
};

const spaceToBatch: Lowering = (b, { x }, attrs: { blockShape: number[]; paddings: number[][] }) => {
  const { blockShape, paddings } = attrs;
  const rest = x!.shape.length - 1 - blockShape.length;
  const side = (i: number) => [0, ...paddings.map((pair) => pair[i]!), ...Array<number>(rest).fill(0)];
  const pads = [...side(0), ...side(1)];
  const padded = pads.every((size) => size === 0) ? x! : b.op("Pad", [x!], { pads });
  const cells = blockShape.reduce((a, c) => a * c, 1);
  const split = getReshaped([...padded.shape], blockShape, cells, false);
  return regroup(
    b,
    padded,
    split,
    getPermuted(split.length, blockShape.length, false),
    getReshapedPermuted([...padded.shape], blockShape, cells, false),
  );
};

const batchToSpace: Lowering = (b, { x }, attrs: { blockShape: number[]; crops: number[][] }) => {
  const { blockShape, crops } = attrs;
  const cells = blockShape.reduce((a, c) => a * c, 1);
  const split = getReshaped([...x!.shape], blockShape, cells);
  const merged = getReshapedPermuted([...x!.shape], blockShape, cells);
  const y = regroup(b, x!, split, getPermuted(split.length, blockShape.length), merged);
  const begin = getSliceBeginCoords(crops, blockShape.length);
  const size = getSliceSize(merged, crops, blockShape.length);
  // tfjs gives these for the leading axes alone.
  const starts = merged.map((_, i) => begin[i] ?? 0);
  const ends = merged.map((length, i) => starts[i]! + (size[i] ?? length));
  return slice(
    b,
    y,
    starts,
    ends,
    merged.map(() => 1),
  );
};

/** Kernels that move blocks of positions to channels or samples and back. */
export const blocks: Readonly<Record<string, Lowering>> = {
  DepthToSpace: depthToSpace,
  SpaceToBatchND: spaceToBatch,
  BatchToSpaceND: batchToSpace,
};
