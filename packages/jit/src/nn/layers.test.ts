import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectSame, finiteDifferences, noise } from "../../test/compare.js";
import { gradOf, type HostTensor, jit, nn, tf, valueAndGrad } from "../index.js";

/** Group norm as its definition reads, with tfjs's own operations and gradients. */
function plainGroupNorm(x: tf.Tensor, groups: number, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor {
  const [n, c] = [x.shape[0]!, x.shape.at(-1)!];
  const grouped = x.reshape([n, -1, groups, c / groups]);
  const { mean, variance } = tf.moments(grouped, [1, 3], true);
  const positions = grouped.shape[1]!;
  const normal = grouped.sub(mean).div(variance.add(1e-5).sqrt()).reshape([n, positions, c]);
  return normal
    .mul(gamma.reshape([-1, 1, c]))
    .add(beta.reshape([-1, 1, c]))
    .reshape(x.shape);
}

type Norm = (x: tf.Tensor, groups: number, gamma: tf.Tensor, beta: tf.Tensor) => tf.Tensor;
const normGradients = (norm: Norm, groups: number) => (p: Record<"x" | "gamma" | "beta", tf.Tensor>) =>
  valueAndGrad((p: Record<"x" | "gamma" | "beta", tf.Tensor>) => {
    const y = norm(p.x, groups, p.gamma, p.beta);
    return { value: y.mul(tf.range(0, y.size).cos().reshape(y.shape)).sum(), aux: y };
  }, p);

describe("groupNorm", () => {
  it("equals its definition with tfjs's gradients, traced and eager", async () => {
    const shapes = fc.record({
      n: fc.integer({ min: 1, max: 3 }),
      positions: fc.array(fc.integer({ min: 2, max: 4 }), { minLength: 1, maxLength: 3 }),
      groups: fc.integer({ min: 1, max: 3 }),
      perGroup: fc.integer({ min: 1, max: 3 }),
      film: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ n, positions, groups, perGroup, film }) => {
        const c = groups * perGroup;
        const p = {
          x: noise([n, ...positions, c], 1.1),
          gamma: noise(film ? [n, c] : [c], 0.3),
          beta: noise(film ? [n, c] : [c], 0.7),
        };
        const ours = normGradients((x, groups, gamma, beta) => nn.groupNorm(x, { groups, gamma, beta }), groups);
        await expectSame(ours, [p], 2e-5);
        const tensors = {
          x: tf.tensor(p.x.data, [...p.x.shape]),
          gamma: tf.tensor(p.gamma.data, [...p.gamma.shape]),
          beta: tf.tensor(p.beta.data, [...p.beta.shape]),
        };
        const got = ours(tensors);
        const want = normGradients(plainGroupNorm, groups)(tensors);
        for (const [a, b] of [
          [got.aux, want.aux],
          [got.grads.x, want.grads.x],
          [got.grads.gamma, want.grads.gamma],
          [got.grads.beta, want.grads.beta],
        ] as const) {
          const expected = b.dataSync();
          const scale = (expected as Float32Array).reduce((most, v) => Math.max(most, Math.abs(v)), 1);
          a.dataSync().forEach((value, i) => {
            expect(Math.abs(value - expected[i]!) / scale).toBeLessThan(1e-4);
          });
        }
      }),
      { numRuns: 20, seed: 3 },
    );
  });
});

describe("silu, linear, attention, nearest", () => {
  it("silu equals x sigmoid(x), its gradient finite differences", async () => {
    const x = { shape: [9], data: Float32Array.from({ length: 9 }, (_, i) => i - 4) };
    const f = (x: tf.Tensor) => gradOf((x) => ({ value: nn.silu(x).sum() }), x);
    await expectSame(f, [x]);
    const value = (xs: Float32Array) => xs.reduce((sum, v) => sum + v / (1 + Math.exp(-v)), 0);
    const gradient = f(tf.tensor(x.data)).grad.dataSync();
    finiteDifferences(value, x.data).forEach((difference, i) => {
      expect(Math.abs(difference - gradient[i]!)).toBeLessThan(1e-4);
    });
  });

  it("linear and attention agree traced and eager, with gradients", async () => {
    const f = (p: Record<"x" | "w" | "b", tf.Tensor>) =>
      valueAndGrad((p: Record<"x" | "w" | "b", tf.Tensor>) => {
        const [q, k, v] = tf.split(nn.linear(p.x, p.w, p.b), 3, 2) as [tf.Tensor, tf.Tensor, tf.Tensor];
        return { value: nn.attention(q, k, v, { scale: 0.5 }).square().sum() };
      }, p);
    await expectSame(f, [{ x: noise([2, 5, 3]), w: noise([12, 3], 2), b: noise([12], 3) }]);
  });

  it("attention with many logits, some of the first axis at a time, is that of each by itself", async () => {
    const [q, k, v] = [1, 2, 3].map((seed) => noise([5, 2048, 4], seed)) as [HostTensor, HostTensor, HostTensor];
    const attend = jit((q: tf.Tensor3D, k: tf.Tensor3D, v: tf.Tensor3D) => nn.attention(q, k, v, { scale: 0.5 }));
    expect(String(attend.lower(q, k, v)).match(/Softmax/g)).toHaveLength(2);
    const whole = (await (await attend(q, k, v)).read()).data;
    for (let i = 0; i < 5; i++) {
      const one = ({ data }: HostTensor) => ({ shape: [1, 2048, 4], data: data.slice(i * 8192, (i + 1) * 8192) });
      const { data } = await (await attend(one(q), one(k), one(v))).read();
      expect(data).toEqual(whole.slice(i * 8192, (i + 1) * 8192));
    }
    await attend.dispose();
  });

  it("attention of one key is its value; equal logits give the mean", async () => {
    const v = tf.tensor3d([1, 2, 3, 5], [1, 2, 2]);
    const mean = nn.attention(tf.zeros([1, 3, 4]), tf.ones([1, 2, 4]), v, { scale: 1 });
    expect(Array.from(mean.dataSync())).toEqual([2, 3.5, 2, 3.5, 2, 3.5]);
  });

  it("nearest reads floor(i * in / out) and its gradient counts the reads", async () => {
    const f = (size: number) => (x: tf.Tensor) =>
      gradOf((x) => ({ value: nn.nearest(x, 1, size).square().sum(), aux: nn.nearest(x, 1, size) }), x);
    for (const size of [3, 7, 10]) await expectSame(f(size), [noise([2, 5, 3])]);
    const { aux } = f(7)(tf.range(0, 5).reshape([1, 5, 1]));
    expect(Array.from(aux.dataSync())).toEqual([0, 0, 1, 2, 2, 3, 4]);
  });
});

describe("a block of norm, convolution and attention", () => {
  it("has the gradients of the eager backend, also through a nested gradient", async () => {
    const [b, f, h, w, c] = [2, 3, 4, 4, 8] as const;
    const params = {
      gamma: noise([c], 2),
      beta: noise([c], 3),
      spatial: noise([c, c, 1, 3, 3], 4),
      temporal: noise([c, c, 3, 1, 1], 5),
      bias: noise([c], 6),
      qkv: noise([3 * c, c], 7),
      film: noise([b, c], 8),
    };
    type P = Record<keyof typeof params, tf.Tensor>;
    const block = (p: P, x: tf.Tensor) => {
      let y = nn.silu(nn.groupNorm(x, { groups: 4, gamma: p.gamma, beta: p.beta }));
      y = nn.conv(nn.conv(y, p.spatial, { bias: p.bias }), p.temporal, { bias: p.bias });
      y = nn.silu(nn.groupNorm(y, { groups: 4, gamma: p.gamma.add(p.film), beta: p.film }));
      const heads = (t: tf.Tensor) => t.reshape([b * f, h * w, 2, c / 2]).transpose([0, 2, 1, 3]);
      const [q, k, v] = tf.split(nn.linear(y.reshape([b * f, h * w, c]), p.qkv), 3, 2).map(heads) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      return nn.attention(q, k, v, { scale: 0.5 });
    };
    const step = (p: P, x: tf.Tensor) =>
      valueAndGrad((p: P) => {
        const guidance = gradOf((x) => ({ value: block(p, x).square().mean() }), x);
        return { value: block(p, x).square().mean(), aux: { guidance: guidance.grad } };
      }, p);
    await expectSame(step, [params, noise([b, f, h, w, c], 9)], 1e-5);
  });
});
