import { describe, expect, it } from "vitest";
import { noise } from "../../test/compare.js";
import { type DeviceTensor, type HostTensor, jit, nn, type tf, valueAndGrad } from "../index.js";

const [rows, width, times] = [6, 8, 5];
type State<T> = Record<"filter" | "momentum", T>;

/** Not of the same structure: the state does not come first. */
const step = (state: State<tf.Tensor>, batch: { x: tf.Tensor; rate: tf.Tensor }, target: tf.Tensor) => {
  const { value, grads } = valueAndGrad(
    (filter: tf.Tensor) => ({ value: nn.silu(nn.conv(batch.x, filter)).sub(target).square().mean() }),
    state.filter,
  );
  const momentum = state.momentum.mul(0.9).add(grads);
  return {
    loss: value,
    gradient: grads,
    state: { filter: state.filter.sub(momentum.mul(batch.rate)), momentum },
  };
};

const start: State<HostTensor> = {
  filter: noise([width, width, 3], 2),
  momentum: { shape: [width, width, 3], data: new Float32Array(width * width * 3) },
};
const x = noise([times, 2, rows, width], 3);
const rate = { shape: [times], data: Float32Array.from({ length: times }, (_, i) => 0.1 / (i + 1)) };
const target = noise([2, rows, width], 4);

const part = ({ shape, data }: HostTensor, i: number): HostTensor => {
  const size = data.length / shape[0]!;
  return { shape: shape.slice(1), data: data.slice(i * size, (i + 1) * size) };
};
const values = async (tensor: DeviceTensor) => (await tensor.read()).data;

describe("steps in one loop", () => {
  it("give bit for bit what single steps give", async () => {
    const single = jit(step, { freeze: [2] });
    let state: State<HostTensor | DeviceTensor> = start;
    const losses: number[] = [];
    const gradients: number[] = [];
    for (let i = 0; i < times; i++) {
      const result = await single(state, { x: part(x, i), rate: part(rate, i) }, target);
      state = result.state;
      losses.push(...(await values(result.loss)));
      gradients.push(...(await values(result.gradient)));
    }

    const loop = jit(step, { freeze: [2], donate: [0], repeat: times, name: "loop" });
    const text = String(loop.lower(start, { x, rate }, target));
    expect(text).toMatch(/= Loop\(.*\) times=5 carried=2/);
    for (let twice = 0; twice < 2; twice++) {
      const result = await loop(start, { x, rate }, target);
      expect(result.loss.shape).toEqual([times]);
      expect(Array.from(await values(result.loss))).toEqual(losses);
      expect(Array.from(await values(result.gradient))).toEqual(gradients);
      expect(await values(result.state.filter)).toEqual(await values(state.filter as DeviceTensor));
      expect(await values(result.state.momentum)).toEqual(await values(state.momentum as DeviceTensor));
      await loop(result.state, { x, rate }, target);
    }
    await Promise.all([single.dispose(), loop.dispose()]);
  });

  it("carry the state by its names, in whatever order a step returns it", async () => {
    const swapped = (state: State<tf.Tensor>, x: tf.Tensor) => ({
      state: { momentum: state.momentum.add(x), filter: state.filter.sub(x) },
    });
    const loop = jit(swapped, { repeat: 2, name: "loop" });
    const [one, ten] = [1, 10].map((value) => ({ shape: [1], data: Float32Array.of(value) }));
    const inputs = { shape: [2, 1], data: Float32Array.of(2, 3) };
    const { state } = await loop({ filter: one!, momentum: ten! }, inputs);
    expect([...(await values(state.filter)), ...(await values(state.momentum))]).toEqual([-4, 15]);
    await loop.dispose();
    const renamed = jit((state: { a: tf.Tensor }, x: tf.Tensor) => ({ state: { b: state.a.add(x) } }), {
      repeat: 2,
      name: "loop",
    });
    await expect(renamed({ a: one! }, inputs)).rejects.toThrow(
      "the state of loop comes out of a step without a, with b",
    );
  });

  it("say what does not fit", async () => {
    const loop = (fn: (state: tf.Tensor, y: tf.Tensor) => unknown) => jit(fn, { repeat: 3, name: "loop" });
    const [four, three] = [noise([4]), noise([3, 4])];
    await expect(loop((s, y) => ({ state: s.add(y) }))(four, four)).rejects.toThrow(
      "argument 1 of loop has shape [4], not 3 steps' values",
    );
    await expect(loop((s, y) => s.add(y))(four, three)).rejects.toThrow(/repeated program loop returns no state/);
    await expect(loop((s, y) => ({ state: s.add(y).sum() }))(four, three)).rejects.toThrow(
      "tensor 0 of the state of loop is float32[4] before a step and float32[] after it",
    );
  });
});
