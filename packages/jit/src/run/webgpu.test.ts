import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { noise } from "../../test/compare.js";
import { type DeviceTensor, type HostTensor, jit, nn, tf, valueAndGrad } from "../index.js";

/** A Vulkan driver in software, inside Debian's package chromium: how the GPU path is tested without a GPU. */
const swiftShader = "/usr/lib/chromium/vk_swiftshader_icd.json";
const driver = process.env.VK_ICD_FILENAMES ?? swiftShader;
const present = existsSync(driver);
if (present) process.env.VK_ICD_FILENAMES = driver;
else console.log(`skipped: no Vulkan driver at ${driver} (Debian: apt-get install chromium)`);

type Device = "cpu" | "webgpu";
type State<T> = Record<"parameters" | "first" | "second", T>;

const [batch, frames, height, width, channels] = [2, 3, 4, 4, 32] as const;
const layout: Readonly<Record<string, readonly number[]>> = {
  gamma: [channels],
  beta: [channels],
  spatial: [channels, channels, 1, 3, 3],
  temporal: [channels, channels, 3, 1, 1],
  bias: [channels],
  qkv: [3 * channels, channels],
  out: [channels, channels],
};
const sizes = Object.values(layout).map((shape) => shape.reduce((a, b) => a * b, 1));
const count = sizes.reduce((a, b) => a + b, 0);

function network(flat: tf.Tensor, x: tf.Tensor): tf.Tensor {
  const parts = tf.split(flat as tf.Tensor1D, sizes);
  const shaped = Object.entries(layout).map(([name, shape], i) => [name, parts[i]!.reshape([...shape])]);
  const p = Object.fromEntries(shaped) as Record<string, tf.Tensor>;
  let y = nn.silu(nn.groupNorm(x, { groups: 4, gamma: p.gamma!.add(1), beta: p.beta! }));
  y = nn.conv(nn.conv(y, p.spatial!, { bias: p.bias! }), p.temporal!, { bias: p.bias! });
  const heads = (t: tf.Tensor) => t.reshape([batch * frames, height * width, 2, channels / 2]).transpose([0, 2, 1, 3]);
  const qkv = nn.linear(y.reshape([batch * frames, height * width, channels]), p.qkv!);
  const [q, k, v] = tf.split(qkv, 3, 2).map(heads) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const attended = nn.attention(q, k, v, { scale: 0.25 }).transpose([0, 2, 1, 3]).reshape(y.shape);
  return nn.linear(attended, p.out!).add(y);
}

const adamStep = (device: Device) =>
  jit(
    (state: State<tf.Tensor>, x: tf.Tensor, target: tf.Tensor) => {
      const { value, grads } = valueAndGrad(
        (flat: tf.Tensor) => ({ value: network(flat, x).sub(target).square().mean() }),
        state.parameters,
      );
      const first = state.first.mul(0.9).add(grads.mul(0.1));
      const second = state.second.mul(0.99).add(grads.square().mul(0.01));
      const parameters = state.parameters.sub(first.div(second.sqrt().add(1e-4)).mul(0.01));
      return { state: { parameters, first, second }, loss: value };
    },
    { device, donate: [0], name: "adam" },
  );

async function train(device: Device, steps: number) {
  const step = adamStep(device);
  const shape = [batch, frames, height, width, channels];
  const zeros = () => ({ shape: [count], data: new Float32Array(count) });
  let state: State<HostTensor | DeviceTensor> = {
    parameters: { shape: [count], data: noise([count], 0.37).data.map((value) => value * 0.05) },
    first: zeros(),
    second: zeros(),
  };
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const result = await step(state, noise(shape, 2), noise(shape, 3));
    state = result.state;
    losses.push((await result.loss.read()).data[0]!);
    result.loss.dispose();
  }
  const parameters = state.parameters as DeviceTensor;
  const location = parameters.tensor.location;
  const data = (await parameters.read()).data as Float32Array;
  expect((await parameters.read()).data).toEqual(data);
  for (const tensor of Object.values(state)) (tensor as DeviceTensor).dispose();
  await step.dispose();
  await expect(parameters.read()).rejects.toThrow(/after it was disposed/);
  return { losses, data, location };
}

const largest = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

describe.skipIf(!present)("on webgpu", () => {
  it("a network of norm, convolution and attention trains as on the CPU, its state in GPU buffers", async () => {
    const cpu = await train("cpu", 5);
    const gpu = await train("webgpu", 5);
    expect([cpu.location, gpu.location]).toEqual(["cpu", "gpu-buffer"]);
    expect(gpu.losses.at(-1)).toBeLessThan(gpu.losses[0]!);
    gpu.losses.forEach((loss, i) => {
      expect(Math.abs(loss - cpu.losses[i]!) / cpu.losses[i]!).toBeLessThan(1e-5);
    });
    expect(largest(gpu.data, cpu.data)).toBeLessThan(1e-4);
  });

  it("cuts into, and joins, hundreds of parts", async () => {
    const widths = Array.from({ length: 300 }, (_, i) => 1 + (i % 5));
    const total = widths.reduce((a, b) => a + b, 0);
    const shuffle = (device: Device) =>
      jit((x: tf.Tensor) => tf.concat(tf.split(x, widths, 1).toReversed(), 1), { device });
    const x = noise([3, total]);
    const [cpu, gpu] = [shuffle("cpu"), shuffle("webgpu")];
    expect((await (await gpu(x)).read()).data).toEqual((await (await cpu(x)).read()).data);
    await Promise.all([cpu.dispose(), gpu.dispose()]);
  });

  it("1000 training steps take no more memory than a few; the loss alone comes back", async () => {
    const size = 1 << 16;
    const step = jit(
      (state: { weight: tf.Tensor; momentum: tf.Tensor }, x: tf.Tensor, y: tf.Tensor) => {
        const error = (w: tf.Tensor) => ({ value: nn.silu(w.mul(x)).sub(y).square().sum() });
        const { value, grads } = valueAndGrad(error, state.weight);
        const momentum = state.momentum.mul(0.5).add(grads.mul(0.01));
        return { state: { weight: state.weight.sub(momentum), momentum }, loss: value };
      },
      { device: "webgpu", donate: [0] },
    );
    const x = noise([size], 2);
    const y = { shape: [size], data: x.data.map((value) => (2 * value) / (1 + Math.exp(-2 * value))) };
    let state: Record<"weight" | "momentum", HostTensor | DeviceTensor> = {
      weight: { shape: [size], data: new Float32Array(size).fill(1) },
      momentum: { shape: [size], data: new Float32Array(size) },
    };
    const losses: number[] = [];
    const run = async (steps: number) => {
      for (let i = 0; i < steps; i++) {
        const result = await step(state, x, y);
        state = result.state;
        expect(result.loss.tensor.location).toBe("cpu");
        losses.push((await result.loss.read()).data[0]!);
      }
    };
    await run(20);
    const before = process.memoryUsage.rss();
    await run(980);
    const grown = process.memoryUsage.rss() - before;
    const { weight, momentum } = state as Record<"weight" | "momentum", DeviceTensor>;
    expect([weight.tensor.location, momentum.tensor.location]).toEqual(["gpu-buffer", "gpu-buffer"]);
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 10);
    // Kept, the states of 980 steps would be 0.5 GB.
    expect(grown).toBeLessThan(80e6);
    weight.dispose();
    momentum.dispose();
    await step.dispose();
  }, 120_000);

  it("names the operators that the device lacks", async () => {
    const program = jit((x: tf.Tensor) => tf.bitwiseAnd(x, x).add(x.square()), { device: "webgpu", name: "p" });
    const x = { shape: [4], data: Int32Array.of(1, 2, 3, 4) };
    await expect(program(x)).rejects.toThrow("program p cannot run on webgpu, which lacks BitwiseAnd(int32, int32)");
  });

  it.each<[string, (x: tf.Tensor) => tf.Tensor]>([
    ["round", (x) => x.round()],
    ["argMax", (x) => x.argMax(1)],
    ["argMin", (x) => x.abs().argMin(0)],
    ["topk", (x) => tf.topk(x.concat(x, 1), 5).indices],
    ["or", (x) => tf.logicalOr(x.greater(2), x.less(0))],
    [
      "convolution in groups",
      (x) => nn.conv(x.reshape([1, 12, 2]), tf.range(0, 10).reshape([2, 1, 5]), { stride: 2, pad: [2], groups: 2 }),
    ],
    [
      "transposed convolution",
      (x) => nn.convTranspose(x.reshape([1, 6, 4]), tf.range(0, 32).reshape([4, 2, 4]), { stride: 2, pad: 1 }),
    ],
  ])("computes %s as the CPU does", async (_, f) => {
    const data = Float32Array.of(
      0.5,
      1.5,
      2.5,
      -0.5,
      -1.5,
      3.2,
      -2.7,
      0,
      8388609,
      -4e9,
      0.49999997,
      7,
      7,
      -3.5,
      1,
      1,
      1,
      0,
      2,
      9,
      9,
      9,
      8,
      2,
    );
    const values = async (device: Device) => {
      const program = jit(f, { device });
      const { data: result } = await (await program({ shape: [3, 8], data })).read();
      await program.dispose();
      return Array.from(result, (value) => value + 0);
    };
    const want = await values("cpu");
    (await values("webgpu")).forEach((value, i) => {
      expect(Math.abs(value - want[i]!)).toBeLessThanOrEqual(1e-6 * Math.abs(want[i]!));
    });
  });

  it("results go from one program to another on the device", async () => {
    const [a, b] = [
      jit((x: tf.Tensor) => x.mul(3), { device: "webgpu" }),
      jit((x: tf.Tensor) => x.add(1), { device: "webgpu" }),
    ];
    const x = noise([80, 64]);
    const middle = await a(x);
    expect(middle.tensor.location).toBe("gpu-buffer");
    const { data } = await (await b(middle)).read();
    expect(
      largest(
        data as Float32Array,
        x.data.map((value) => 3 * value + 1),
      ),
    ).toBeLessThan(1e-6);
    await Promise.all([a.dispose(), b.dispose()]);
  });
});
