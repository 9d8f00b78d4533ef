import { expect, it } from "vitest";
import { tf, valueAndGrad } from "./index.js";

it("aux comes back whatever it is, and nothing is kept behind it", () => {
  const x = tf.tensor1d([1, 2]);
  const before = tf.memory().numTensors;
  const numbers = tf.tidy(() => {
    const { value, aux, grads } = valueAndGrad((p) => ({ value: p.square().sum(), aux: { exp: p.exp(), p } }), x);
    return [value, aux.exp.log(), aux.p, grads].map((tensor) => Array.from(tensor.dataSync(), Math.round));
  });
  expect(numbers).toEqual([[5], [1, 2], [1, 2], [2, 4]]);
  expect(tf.memory().numTensors).toBe(before);
  expect(Array.from(x.dataSync())).toEqual([1, 2]);
  x.dispose();
});

it("says what is no tensor", () => {
  const at = tf.scalar(1);
  expect(() => valueAndGrad(() => at as never, at)).toThrow(/given to valueAndGrad returned no value/);
  expect(() => valueAndGrad((p) => ({ value: p, aux: { n: 3 } }), at)).toThrow(/aux of valueAndGrad.*: .n is number/);
  expect(() => valueAndGrad((p) => ({ value: p.a }), { a: at, b: 3 })).toThrow(/parameters of valueAndGrad.*: .b is/);
});
