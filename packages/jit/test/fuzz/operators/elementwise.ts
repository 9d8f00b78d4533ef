import type { Chooser } from "../chooser.js";
import type { Rounding } from "../program.js";
import { json, type Operator, type Operators } from "./operator.js";

const exactUnary = [
  "abs", "ceil", "floor", "isFinite", "isInf", "isNaN", "neg", "onesLike", "relu", "relu6", "round", "sign", "step", "zerosLike",
  "clone", "square",
]; // biome-ignore format: a list
const unary = [
  "acosh", "asinh", "cosh", "exp", "expm1", "leakyRelu", "log", "log1p", "reciprocal", "rsqrt", "sinh", "sqrt", "tan",
]; // biome-ignore format: a list
const limited = [
  "acos", "asin", "atan", "atanh", "cos", "elu", "erf", "logSigmoid", "selu", "sigmoid", "sin", "softplus", "tanh",
]; // biome-ignore format: a list
const exactBinary = [
  "add", "sub", "mul", "maximum", "minimum", "equal", "notEqual", "greater", "greaterEqual", "less", "lessEqual",
]; // biome-ignore format: a list
const binary = ["div", "divNoNan", "squaredDifference", "atan2", "floorDiv", "mod"];
const ordinaryOnly = new Set(["mod", "atan2", "divNoNan"]);
const logical = ["logicalAnd", "logicalOr", "logicalXor"];

const one = (name: string, rounding: Rounding): Operator => ({
  rounding,
  code: (c) => `tf.${name}(${operand(c).name})`,
});

const operand = (c: Chooser) => (c.r.chance(0.88) ? c.float() : c.tensor());

const two = (name: string, rounding: Rounding): Operator => ({
  rounding,
  weight: 2,
  code: (c) => {
    const a = operand(c);
    const other = a.dtype === "bool" ? c.partner(a, "float32") : c.partner(a, c.r.chance(0.07) ? "int32" : a.dtype);
    const pair = c.r.chance(0.12) ? [a.name, `tf.scalar(${scalar(c)})`] : [a.name, other.name];
    return `tf.${name}(${c.r.shuffled(pair).join(", ")})`;
  },
});

const scalar = (c: Chooser) => c.r.pick([0, 1, -1, 2, 0.5, -0.3, c.r.int(1, 9)]);

const logic = (name: string): Operator => ({
  rounding: "none",
  code: (c) => {
    const a = flags(c);
    return `tf.${name}(${a.name}, ${c.partner(a).name})`;
  },
});

const flags = (c: Chooser) =>
  c.tensor(
    ({ dtype }) => dtype === "bool",
    () => c.fresh(undefined, "bool"),
  );

const each = (names: readonly string[], make: (name: string) => Operator): Operators =>
  Object.fromEntries(names.map((name) => [name, make(name)]));

export const elementwise: Operators = {
  ...each(exactUnary, (name) => one(name, "none")),
  ...each(unary, (name) => one(name, "relative")),
  ...each(limited, (name) => one(name, "absolute")),
  ...each(exactBinary, (name) => two(name, "none")),
  ...each(binary, (name) => ({ ...two(name, "relative"), ordinary: ordinaryOnly.has(name) })),
  ...each(logical, logic),
  logicalNot: { rounding: "none", code: (c) => `tf.logicalNot(${flags(c).name})` },
  pow: { code: (c) => power(c) },
  prelu: { code: (c) => prelu(c) },
  leakyReluAlpha: { code: (c) => `tf.leakyRelu(${c.float().name}, ${c.r.pick([0, 0.1, 0.3, 1, 2])})` },
  stepAlpha: { rounding: "none", code: (c) => `tf.step(${c.float().name}, ${c.r.pick([0, 0.5, -1, 3])})` },
  clipByValue: {
    rounding: "none",
    code: (c) => {
      const [low, high] = [c.r.pick([-1, -0.3, 0]), c.r.pick([0, 0.4, 2])];
      return `tf.clipByValue(${c.float().name}, ${low}, ${high})`;
    },
  },
  cast: { rounding: "none", weight: 2, code: (c) => `tf.cast(${c.tensor().name}, ${json(c.r.pick(dtypes))})` },
  bitwiseAnd: {
    rounding: "none",
    code: (c) => {
      const x = c.fresh(undefined, "int32");
      return `tf.bitwiseAnd(${x.name}, ${c.of(x.shape, "int32").name})`;
    },
  },
  where: { rounding: "none", weight: 2, code: where },
  addN: { code: addN },
  silu: { rounding: "absolute", code: (c) => `nn.silu(${c.float().name})` },
  scale: { weight: 2, code: (c) => `${c.float().name}.mul(${scalar(c)}).add(${scalar(c)})` },
  comparisonWithScalar: {
    rounding: "none",
    code: (c) => `tf.${c.r.pick(["equal", "greater", "less", "notEqual"])}(${c.float().name}, ${scalar(c)})`,
  },
};

const dtypes = ["float32", "int32", "bool"];

function power(c: Chooser): string {
  const a = c.float();
  if (c.r.chance(0.5)) return `tf.pow(${a.name}, ${c.r.pick([0, 1, 2, 3, 0.5, -1, -2, 1.5])})`;
  return `tf.pow(${a.name}, ${c.partner(a).name})`;
}

function prelu(c: Chooser): string {
  const a = c.float();
  return `tf.prelu(${a.name}, ${c.of(a.shape.map((size) => (c.r.chance(0.3) ? 1 : size))).name})`;
}

function where(c: Chooser): string {
  const a = c.tensor();
  const condition = c.partner(a, "bool");
  const other = c.partner(a);
  return `tf.where(${condition.name}, ${c.r.shuffled([a.name, other.name]).join(", ")})`;
}

function addN(c: Chooser): string {
  const a = c.float();
  return `tf.addN([${[a, ...c.r.list(c.r.int(0, 2), () => c.of(a.shape))].map(({ name }) => name)}])`;
}
