import type { Builder } from "../../ir/builder.js";
import type { Value } from "../../ir/graph.js";
import type { Lowering } from "../lowering.js";
import { type Activation, activate } from "./activations.js";
import { einsum } from "./einsum.js";

const swapLast = (b: Builder, x: Value) => {
  const rank = x.shape.length;
  return b.transpose(x, [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2]);
};

/** op(A) op(B) over the last two dimensions. */
function matMul(b: Builder, a: Value, c: Value, transposeA: boolean, transposeB: boolean): Value {
  if (a.shape.length === 2 && c.shape.length === 2 && a.dtype === "float32") {
    return b.op("Gemm", [a, c], { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 });
  }
  const right = transposeB ? swapLast(b, c) : c;
  // One matrix for the whole batch: as a matrix it is one product of all rows, not one per item.
  const shared = c.shape.slice(0, -2).every((size) => size === 1) && a.shape.length >= c.shape.length;
  return b.op("MatMul", [transposeA ? swapLast(b, a) : a, shared ? b.reshape(right, right.shape.slice(-2)) : right]);
}

interface MatMulAttrs {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}
interface FusedAttrs extends MatMulAttrs {
  readonly activation?: Activation;
  readonly leakyreluAlpha?: number;
}

/** Product, bias, activation. */
const fusedMatMul: Lowering = (b, { a, b: c, bias, preluActivationWeights }, attrs: FusedAttrs) => {
  const product = matMul(b, a!, c!, attrs.transposeA, attrs.transposeB);
  const biased = bias === undefined ? product : b.op("Add", [product, bias]);
  return activate(b, biased, attrs.activation, preluActivationWeights, attrs.leakyreluAlpha);
};

export const products: Readonly<Record<string, Lowering>> = {
  BatchMatMul: (b, { a, b: c }, { transposeA, transposeB }: MatMulAttrs) => matMul(b, a!, c!, transposeA, transposeB),
  _FusedMatMul: fusedMatMul,
  Einsum: einsum,
};
