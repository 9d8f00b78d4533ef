import { beforeAll, describe, expect, it } from "vitest";
import { noise } from "../../test/compare.js";
import { type DeviceTensor, type HostTensor, jit, nn, tf, valueAndGrad } from "../index.js";

type State<T> = Record<"filter" | "gamma", T>;
const channels = 8;
const x = noise([2, 5, 6, channels], 3);
const start: State<HostTensor> = { filter: noise([channels, channels / 2, 3, 3], 2), gamma: noise([channels], 5) };
const target = noise([2, 5, 3, channels], 4);

const step = (state: State<tf.Tensor>, input: tf.Tensor, goal: tf.Tensor) => {
  const { value, grads } = valueAndGrad((p: State<tf.Tensor>) => {
    const h = nn.groupNorm(input, { groups: 2, gamma: p.gamma, beta: p.gamma });
    return {
      value: nn
        .silu(nn.conv(h, p.filter, { groups: 2, stride: [1, 2] }))
        .sub(goal)
        .square()
        .mean(),
    };
  }, state);
  return {
    state: { filter: state.filter.sub(grads.filter.mul(0.1)), gamma: state.gamma.sub(grads.gamma.mul(0.1)) },
    loss: value,
  };
};

async function train(options: { engine?: "tfjs"; backend?: string }) {
  const program = jit(step, { ...options, donate: [0], freeze: [2], name: "step" });
  let state: State<HostTensor | DeviceTensor> = start;
  const losses: number[] = [];
  for (let i = 0; i < 3; i++) {
    const given = state;
    const result = await program(given, x, target);
    state = result.state;
    losses.push((await result.loss.read()).data[0]!);
    result.loss.dispose();
    if (i > 0) await expect((given.filter as DeviceTensor).read()).rejects.toThrow(/after it was donated/);
  }
  const { data } = await (state.filter as DeviceTensor).read();
  const tensors = tf.memory().numTensors;
  await program.dispose();
  for (const tensor of Object.values(state)) (tensor as DeviceTensor).dispose();
  return { losses, data, tensors };
}

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("engine tfjs", () => {
  it.each(["wasm", "cpu"])(
    "trains on backend %s as the compiled program does, and keeps no tensors",
    async (backend) => {
      const before = [tf.getBackend(), tf.memory().numTensors];
      const want = await train({});
      const got = await train({ engine: "tfjs", backend });
      got.losses.forEach((loss, i) => {
        expect(Math.abs(loss - want.losses[i]!)).toBeLessThan(1e-5 * want.losses[i]!);
      });
      const worst = (want.data as Float32Array).reduce(
        (most, value, i) => Math.max(most, Math.abs(value - got.data[i]!)),
        0,
      );
      expect(worst).toBeLessThan(1e-5);
      // The state and the frozen target.
      expect(got.tensors).toBe((before[1] as number) + 3);
      expect([tf.getBackend(), tf.memory().numTensors]).toEqual(before);
    },
  );

  it("says which package brings a backend, and that engines do not share tensors", async () => {
    const missing = jit((a: tf.Tensor) => a.neg(), { engine: "tfjs", backend: "tensorflow" });
    await expect(missing(x)).rejects.toMatchObject({
      code: "JIT303",
      hint: "Install it: npm install @tensorflow/tfjs-node-gpu",
    });
    const eager = await jit((a: tf.Tensor) => a.neg(), { engine: "tfjs", backend: "cpu" })(x);
    await expect(jit((a: tf.Tensor) => a.neg())(eager)).rejects.toMatchObject({ code: "JIT308" });
    eager.dispose();
  });
});
