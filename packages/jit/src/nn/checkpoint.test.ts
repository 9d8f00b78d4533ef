import { describe, expect, it } from "vitest";
import { expectSame, noise } from "../../test/compare.js";
import { expectGradients, withGradients } from "../../test/gradients.js";
import { gradOf, jit, nn, tf, valueAndGrad } from "../index.js";
import { memoryPeak } from "../passes/liveness.js";

const block = ({ x, w }: { x: tf.Tensor; w: tf.Tensor }) => nn.silu(nn.linear(x, w)).add(x.sin());
const checkpointed = (p: { x: tf.Tensor; w: tf.Tensor }) => nn.checkpoint(block, p);
type Block = typeof block;

const stack =
  (block: Block, depth: number) =>
  (x: tf.Tensor, w: tf.Tensor): tf.Tensor => {
    for (let i = 0; i < depth; i++) x = block({ x, w });
    return x;
  };

describe("checkpoint", () => {
  it("gives the gradients of the function that it computes again, traced and eager", async () => {
    await expectGradients(stack(checkpointed, 2), [noise([4, 3]), noise([3, 3], 0.7)]);
  });

  it("changes no bit, traced or eager, also nested", async () => {
    const nested: Block = (p) =>
      nn.checkpoint(({ x, w }) => checkpointed({ x: checkpointed({ x: checkpointed({ x, w }), w }), w }), p);
    const args = [noise([4, 3]), noise([3, 3], 0.7)] as const;
    const both = (x: tf.Tensor, w: tf.Tensor) =>
      [stack(block, 6), stack(nested, 2)].map((f) => withGradients(f as (...xs: tf.Tensor[]) => tf.Tensor)(x, w));
    const [plain, again] = both(
      ...(args.map(({ shape, data }) => tf.tensor(data, [...shape])) as [tf.Tensor, tf.Tensor]),
    );
    // The gradient by w is a sum over the blocks, in another order.
    expect(again!.grads[0]!.dataSync()).toEqual(plain!.grads[0]!.dataSync());
    const program = jit(both);
    const [plainResult, againResult] = await program(...args);
    expect(await againResult!.grads[0]!.read()).toEqual(await plainResult!.grads[0]!.read());
    await program.dispose();
  });

  it("takes and gives trees, integers among them, and has gradients of gradients", async () => {
    const f = (p: { x: tf.Tensor; rows: tf.Tensor }) => {
      const taken = tf.gather(p.x, p.rows as tf.Tensor1D);
      return { squares: taken.square(), rows: p.rows, cubes: [taken.pow(3)] };
    };
    const value = (x: tf.Tensor, rows: tf.Tensor) => {
      const y = nn.checkpoint(f, { x, rows });
      return y.squares.sum().add(y.cubes[0]!.mul(y.rows.cast("float32").reshape([-1, 1])).sum());
    };
    const second = (x: tf.Tensor, rows: tf.Tensor) =>
      gradOf(
        (x) => ({
          value: gradOf((x) => ({ value: value(x, rows) }), x)
            .grad.square()
            .sum(),
        }),
        x,
      );
    const rows = { shape: [3], data: Int32Array.of(1, 0, 1) };
    await expectSame(second, [noise([2, 2]), rows]);
    // d/dx of x^2 at two rows 1 and one row 0, of 1 x^3 twice at row 1 and 0 at row 0: g = 4 x + 6 x^2 and 2 x; then 2 g g'.
    const { grad } = second(tf.tensor2d([[2, 3], [0.5, 1]]), tf.tensor1d([1, 0, 1], "int32")); // biome-ignore format: rows
    expect(Array.from(grad.dataSync())).toEqual([16, 24, 2 * 3.5 * 10, 2 * 10 * 16]);
  });

  it("refuses a tensor from outside, which would get no gradient", () => {
    const loss = (w: tf.Tensor) =>
      valueAndGrad((w: tf.Tensor) => ({ value: nn.checkpoint((x: tf.Tensor) => x.mul(w), tf.ones([2])).sum() }), w);
    expect(() => loss(tf.tensor1d([1, 2]))).toThrow(expect.objectContaining({ code: "JIT112" }));
  });

  it("keeps the inputs of blocks only", () => {
    const peak = (block: Block) => {
      const f = withGradients(stack(block, 16) as (...xs: tf.Tensor[]) => tf.Tensor);
      return memoryPeak(jit((x: tf.Tensor, w: tf.Tensor) => f(x, w).grads).lower(noise([1000, 10]), noise([10, 10])));
    };
    expect(peak(checkpointed).bytes / peak(block).bytes).toBeLessThan(0.5);
  });
});
