import type { Builder } from "../ir/builder.js";
import type { DType, Graph, Value } from "../ir/graph.js";
import { barrierAsChoice } from "./barrier.js";
import { deadCode } from "./dead-code.js";
import { positionsAsFloats } from "./positions.js";
import { type Rule, rewrite } from "./rewrite.js";

/** Storage buffers that every WebGPU device lets one shader bind (W3C WebGPU, "limits", maxStorageBuffersPerShaderStage). */
const storageBuffers = 8;
/** A shader that cuts one buffer in pieces, or puts pieces together, binds the whole as well. */
const pieces = storageBuffers - 1;

/** Consecutive runs of `items`, as even as possible, at most `count` of them and none empty. */
function chunk<T>(items: readonly T[], count: number): readonly (readonly T[])[] {
  const runs = Math.min(count, items.length);
  const start = (i: number) => Math.floor((i * items.length) / runs);
  return Array.from({ length: runs }, (_, i) => items.slice(start(i), start(i + 1)));
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** Cuts `x` into parts of the given sizes, each shader into few pieces: a tree. */
function split(b: Builder, x: Value, axis: number, sizes: readonly number[]): readonly Value[] {
  if (sizes.length === 1) return [x];
  const groups = chunk(sizes, pieces);
  const parts = b.ops("Split", [x], { axis, split: groups.map(sum) });
  return groups.flatMap((group, i) => split(b, parts[i]!, axis, group));
}

function concat(b: Builder, parts: readonly Value[], axis: number): Value {
  if (parts.length === 1) return parts[0]!;
  return b.op(
    "Concat",
    chunk(parts, pieces).map((group) => concat(b, group, axis)),
    { axis },
  );
}

const wideSplit: Rule = ({ op, inputs, outputs, attributes }, b) =>
  op === "Split" && outputs.length > pieces
    ? split(b, inputs[0]!, attributes.axis as number, attributes.split as readonly number[])
    : undefined;

const wideConcat: Rule = ({ op, inputs, attributes }, b) =>
  op === "Concat" && inputs.length > pieces ? [concat(b, inputs, attributes.axis as number)] : undefined;

/** PyTorch's and ONNX's constants of SELU (Klambauer et al. 2017). */
const selu = { alpha: 1.6732632423543772, gamma: 1.0507009873554805 };

/** Operators that the WebGPU provider lacks, made of others. */
const replacements: Readonly<Record<string, (b: Builder, x: Value, y: Value) => Value>> = {
  IsNaN: (b, x) => b.op("Not", [b.op("Equal", [x, x])]),
  Or: (b, x, y) => b.op("Not", [b.op("And", [b.op("Not", [x]), b.op("Not", [y])])]),
  // To the nearest, from the middle to the even one. x + 0.5 would round before it is cut.
  Round: (b, x) => {
    const below = b.op("Floor", [x]);
    const rest = b.op("Sub", [x, below]);
    const half = b.op("Mul", [below, b.scalar(0.5)]);
    const odd = b.op("Greater", [half, b.op("Floor", [half])]);
    const up = (op: "Greater" | "GreaterOrEqual") => b.cast(b.op(op, [rest, b.scalar(0.5)]), "float32");
    return b.op("Add", [below, b.op("Where", [odd, up("GreaterOrEqual"), up("Greater")])]);
  },
  Selu: (b, x) => b.op("Mul", [b.op("Elu", [x], { alpha: selu.alpha }), b.scalar(selu.gamma)]),
  Sign: (b, x) => {
    const zero = b.scalar(0, x.dtype as DType);
    const is = (op: "Greater" | "Less") => b.op("Cast", [b.op(op, [x, zero])], { to: x.dtype });
    return b.op("Sub", [is("Greater"), is("Less")]);
  },
};

const lacking: Rule = ({ op, inputs }, b) => {
  const made = replacements[op]?.(b, inputs[0]!, inputs[1]!);
  return made && [made];
};

/** Rewrites what a WebGPU device cannot run as one shader; every other device takes the graph as it is. */
export function fitWebGpu(graph: Graph): Graph {
  return deadCode(rewrite(graph, [wideSplit, wideConcat, barrierAsChoice, positionsAsFloats, lacking]));
}
