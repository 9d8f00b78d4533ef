import type { Builder } from "../../ir/builder.js";
import type { Value } from "../../ir/graph.js";
import type { Lowering } from "../lowering.js";
import { reduceAlong } from "./windows.js";

/** offset + (x - mean) scale / sqrt(variance + epsilon), with given statistics. */
const batchNorm: Lowering = (
  b,
  { x, scale, offset, mean, variance },
  { varianceEpsilon }: { varianceEpsilon: number | undefined },
) => {
  const inverse = b.op("Reciprocal", [b.op("Sqrt", [b.op("Add", [variance!, b.scalar(varianceEpsilon ?? 0.001)])])]);
  const factor = scale === undefined ? inverse : b.op("Mul", [scale, inverse]);
  const y = b.op("Mul", [b.op("Sub", [x!, mean!]), factor]);
  return offset === undefined ? y : b.op("Add", [y, offset]);
};

interface LrnAttrs {
  readonly depthRadius: number;
  readonly bias: number;
  readonly alpha: number;
  readonly beta: number;
}

/** Sum over the channels at most `radius` away. */
function overNeighbours(b: Builder, x: Value, radius: number): Value {
  const channels = x.shape[3]!;
  const width = 2 * radius + 1;
  const table = Int32Array.from({ length: channels * width }, (_, i) => {
    const channel = Math.floor(i / width) + (i % width) - radius;
    return channel < channels ? Math.max(channel, -1) : -1;
  });
  return reduceAlong(b, "ReduceSum", x, 3, table, width, 0);
}

/** bias + alpha times the sum of squares of neighbouring channels. */
const lrnNorm = (b: Builder, x: Value, { depthRadius, bias, alpha }: LrnAttrs) =>
  b.op("Add", [b.op("Mul", [overNeighbours(b, b.op("Mul", [x, x]), depthRadius), b.scalar(alpha)]), b.scalar(bias)]);

/** Local response normalisation across channels: x norm^-beta. */
const lrn: Lowering = (b, { x }, attrs: LrnAttrs) =>
  b.op("Mul", [x!, b.op("Pow", [lrnNorm(b, x!, attrs), b.scalar(-attrs.beta)])]);

const lrnGrad: Lowering = (b, { x, y, dy }, attrs: LrnAttrs) => {
  const norm = lrnNorm(b, x!, attrs);
  const own = b.op("Mul", [dy!, b.op("Pow", [norm, b.scalar(-attrs.beta)])]);
  const shared = overNeighbours(b, b.op("Div", [b.op("Mul", [dy!, y!]), norm]), attrs.depthRadius);
  return b.op("Sub", [own, b.op("Mul", [b.op("Mul", [x!, shared]), b.scalar(2 * attrs.alpha * attrs.beta)])]);
};

export const normalisation: Readonly<Record<string, Lowering>> = {
  FusedBatchNorm: batchNorm,
  LRN: lrn,
  LRNGrad: lrnGrad,
};
