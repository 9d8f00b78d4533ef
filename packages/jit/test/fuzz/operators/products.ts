import type { Chooser } from "../chooser.js";
import { json, type Operators } from "./operator.js";

/** Sizes differ by letter. tfjs is wrong where an output's letters are in another order than the operands', and for sums over one operand. */
const equations = [
  "ab,bc->ac",
  "dab,dbc->dac",
  "ab,ab->a",
  "a,b->ab",
  "dabc,dcb->da",
  "ab->a",
  "abc->ac",
  "ab,b->a",
  "abc,cd->abd",
];

function einsum(c: Chooser): string {
  const size: Readonly<Record<string, number>> = { a: 2, b: 3, c: 4, d: c.r.int(1, 2) };
  const equation = c.r.pick(equations);
  const operands = equation.split("->")[0]!.split(",");
  const tensors = operands.map((letters) => c.of([...letters].map((letter) => size[letter]!)).name);
  return `tf.einsum(${json(equation)}, ${tensors})`;
}

export const products: Operators = {
  matMul: {
    weight: 4,
    code: (c) => {
      const { r } = c;
      const a = c.float(2, 5);
      const [transposeA, transposeB] = [r.chance(0.3), r.chance(0.3)];
      const inner = a.shape.at(transposeA ? -2 : -1)!;
      const outer = r.int(1, 5);
      // tfjs repeats the items of the shorter batch in turn, which is broadcasting only where leading sizes differ.
      const shared = r.chance(0.3) ? r.int(0, a.shape.length - 2) : 0;
      const batch = a.shape.slice(0, -2).map((size, i) => (i < shared ? 1 : size));
      const b = c.of([
        ...(r.chance(0.5) ? batch : batch.slice(shared)),
        ...(transposeB ? [outer, inner] : [inner, outer]),
      ]);
      return `tf.matMul(${a.name}, ${b.name}, ${transposeA}, ${transposeB})`;
    },
  },
  einsum: { weight: 2, code: einsum },
  dot: {
    code: (c) => {
      const a = c.float(1, 2);
      const inner = a.shape.at(-1)!;
      return `tf.dot(${a.name}, ${c.of(c.r.chance(0.5) ? [inner] : [inner, c.r.int(1, 4)]).name})`;
    },
  },
  outerProduct: { code: (c) => `tf.outerProduct(${c.float(1, 1).name}, ${c.float(1, 1).name})` },
  linear: {
    weight: 2,
    code: (c) => {
      const x = c.float(1);
      const out = c.r.int(1, 5);
      const bias = c.r.chance(0.5) ? `, ${c.of([out]).name}` : "";
      return `nn.linear(${x.name}, ${c.of([out, x.shape.at(-1)!]).name}${bias})`;
    },
  },
  attention: {
    weight: 2,
    code: (c) => {
      const q = c.float(2, 4);
      const batch = q.shape.slice(0, -2);
      const [keys, out] = [c.r.int(1, 4), c.r.int(1, 4)];
      const k = c.of([...batch, keys, q.shape.at(-1)!]);
      return `nn.attention(${q.name}, ${k.name}, ${c.of([...batch, keys, out]).name}, { scale: 0.5 })`;
    },
  },
  fusedMatMul: {
    rounding: "absolute",
    code: (c) => {
      const a = c.float(2, 2);
      const out = c.r.int(1, 5);
      const activation = c.r.pick(["linear", "relu", "sigmoid", "elu"]);
      const [b, bias] = [c.of([a.shape[1]!, out]), c.of([out])];
      return `tf.fused.matMul({ a: ${a.name}, b: ${b.name}, bias: ${bias.name}, activation: ${json(activation)} })`;
    },
  },
};
