import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectSame } from "../../test/compare.js";
import { expectGradients, withGradients } from "../../test/gradients.js";
import { type HostTensor, nn, tf } from "../index.js";

type Numbers = { readonly shape: number[]; readonly data: number[] };
type Name = "x" | "filter" | "bias";
interface Reference {
  readonly options: { stride: number[]; pad: number[]; outputPad: number[]; groups: number; dilation: number[] };
  readonly inputs: Record<Name, Numbers>;
  readonly y: Numbers;
  readonly gradients: Record<Name, number[]>;
}
const references: readonly Reference[] = JSON.parse(
  readFileSync(join(import.meta.dirname, "fixtures/conv-transpose.json"), "utf8"),
);
const host = ({ shape, data }: Numbers) => ({ shape, data: Float32Array.from(data) }) satisfies HostTensor;

describe("convTranspose", () => {
  it.each(references.map((reference) => [reference.inputs.filter.shape.join("x"), reference] as const))(
    "equals PyTorch's, filter %s",
    async (_, { options, inputs, y, gradients }) => {
      const f = withGradients((x, filter, bias) => nn.convTranspose(x!, filter!, { ...options, bias: bias! }));
      const args = [host(inputs.x), host(inputs.filter), host(inputs.bias)] as const;
      await expectSame(f, args, 1e-5);
      const { aux, grads } = f(...args.map(({ shape, data }) => tf.tensor(data, shape)));
      expect(aux.shape).toEqual(y.shape);
      for (const [got, want] of [
        [aux, y.data],
        [grads[0]!, gradients.x],
        [grads[1]!, gradients.filter],
        [grads[2]!, gradients.bias],
      ] as const) {
        const largest = Math.max(...want.map(Math.abs));
        got.dataSync().forEach((value, i) => {
          expect(Math.abs(value - want[i]!) / largest).toBeLessThan(2e-6);
        });
      }
    },
  );

  it("has second derivatives", async () => {
    const { inputs, options } = references[0]!;
    const slope = (x: tf.Tensor, filter: tf.Tensor) => tf.grad((x) => nn.convTranspose(x, filter, options).square())(x);
    await expectGradients((x, filter) => slope(x!, filter!), [host(inputs.x), host(inputs.filter)]);
  });

  it("says which shapes do not fit", () => {
    const x = tf.zeros([1, 4, 3]);
    expect(() => nn.convTranspose(x, tf.zeros([2, 3, 3]))).toThrow(/convTranspose of x \[1,4,3\].*channels/);
    expect(() => nn.convTranspose(x, tf.zeros([3, 2, 3]), { outputPad: 1 })).toThrow(/outputPad/);
  });
});
