import type { Chooser } from "../chooser.js";
import type { Rounding, Variable } from "../program.js";
import { axisOf, json, type Operator, type Operators, range } from "./operator.js";

/** Undefined for all axes, one axis, or any subset, from either end. */
function axes(c: Chooser, rank: number): string {
  if (rank === 0 || c.r.chance(0.2)) return "undefined";
  if (c.r.chance(0.4)) return json(axisOf(c, rank));
  const chosen = c.r.subset(range(rank)).map((axis) => (c.r.chance(0.3) ? axis - rank : axis));
  return json(c.r.chance(0.2) ? c.r.shuffled(chosen) : chosen);
}

const keep = (c: Chooser) => c.r.chance(0.4);

const reduce = (name: string, rounding: Rounding, operand: (c: Chooser) => Variable): Operator => ({
  rounding,
  weight: 2,
  code: (c) => {
    const x = operand(c);
    return `tf.${name}(${x.name}, ${axes(c, x.shape.length)}, ${keep(c)})`;
  },
});

const numeric = (c: Chooser) => (c.r.chance(0.85) ? c.float() : c.tensor(({ dtype }) => dtype !== "bool"));
const flags = (c: Chooser) =>
  c.tensor(
    ({ dtype }) => dtype === "bool",
    () => c.fresh(undefined, "bool"),
  );

const alongAxis = (name: string, rounding: Rounding, tail: (c: Chooser) => string = () => ""): Operator => ({
  rounding,
  code: (c) => {
    const x = c.float(1);
    return `tf.${name}(${x.name}, ${axisOf(c, x.shape.length)}${tail(c)})`;
  },
});

const scan = (c: Chooser) => `, ${c.r.chance(0.4)}, ${c.r.chance(0.4)}`;

export const reductions: Operators = {
  sum: reduce("sum", "relative", (c) => (c.r.chance(0.1) ? flags(c) : numeric(c))),
  mean: reduce("mean", "relative", numeric),
  max: reduce("max", "none", numeric),
  min: reduce("min", "none", numeric),
  prod: { ...reduce("prod", "relative", (c) => c.float()), ordinary: true },
  all: reduce("all", "none", flags),
  any: reduce("any", "none", flags),
  logSumExp: reduce("logSumExp", "relative", (c) => c.float()),
  argMax: { ...alongAxis("argMax", "none"), ordinary: true },
  argMin: { ...alongAxis("argMin", "none"), ordinary: true },
  softmax: { rounding: "absolute", code: (c) => `tf.softmax(${c.float(1).name})` },
  logSoftmax: { rounding: "absolute", code: (c) => `tf.logSoftmax(${c.float(1).name})` },
  cumsum: alongAxis("cumsum", "relative", scan),
  cumprod: alongAxis("cumprod", "relative", scan),
  moments: {
    code: (c) => {
      const x = c.float(1);
      return `tf.moments(${x.name}, ${axes(c, x.shape.length)}, ${keep(c)}).${c.r.pick(["mean", "variance"])}`;
    },
  },
  norm: {
    code: (c) => {
      const x = c.float(1, 4);
      return `tf.norm(${x.name}, ${json(c.r.pick(["euclidean", 1, 2]))}, ${axisOf(c, x.shape.length)}, ${keep(c)})`;
    },
  },
  topk: {
    ordinary: true,
    rounding: "none",
    code: (c) => {
      const x = c.float(1);
      const k = c.r.int(1, x.shape.at(-1)!);
      return `tf.topk(${x.name}, ${k}, true).${c.r.pick(["values", "indices"])}`;
    },
  },
  unsortedSegmentSum: {
    code: (c) => {
      const x = c.tensor(
        ({ dtype, shape }) => dtype === "float32" && shape.length > 0 && shape.length < 4,
        () => c.fresh(c.shape(c.r.int(1, 3))),
      );
      const count = c.r.int(1, 5);
      return `tf.unsortedSegmentSum(${x.name}, ${c.integers([x.shape[0]!], 0, count - 1).name}, ${count})`;
    },
  },
  meanSquaredError: { code: (c) => loss(c, "meanSquaredError") },
  huberLoss: { code: (c) => loss(c, "huberLoss") },
  absoluteDifference: { code: (c) => loss(c, "absoluteDifference") },
  sigmoidCrossEntropy: { code: (c) => loss(c, "sigmoidCrossEntropy") },
};

function loss(c: Chooser, name: string): string {
  const x = c.float();
  return `tf.losses.${name}(${x.name}, ${c.of(x.shape).name})`;
}
