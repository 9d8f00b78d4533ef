import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gradOf, type HostTensor, jit, tf, valueAndGrad } from "@cmmd/jit";
import { describe, expect, it } from "vitest";
import { formula, formulaInputs, product, transpose } from "../../test/formula.js";
import { fits } from "./fits.js";
import { apply } from "./network.js";
import type { UnetOptions } from "./options.js";
import { parameters } from "./parameters.js";

const data = process.env.CMMD_TEST_DATA ?? join(import.meta.dirname, "../../../../../shared/data");

interface Golden {
  readonly cfg: {
    readonly v_ch: number;
    readonly a_ch: number;
    readonly base: number;
    readonly mults: number[];
    readonly head_dim: number;
    readonly groups: number;
    readonly emb_dim: number;
    readonly attn_levels: number[];
  };
  /** [batch, frames, height = width, mel frames] */
  readonly shape: [number, number, number, number];
  readonly params: readonly [string, number[]][];
  readonly n_params: number;
  readonly v_out: {
    readonly sum: number;
    readonly sumsq: number;
    readonly first: number[];
    readonly last: number[];
    readonly all?: number[];
  };
  readonly a_out: Golden["v_out"];
  readonly guide_grad_a: { readonly sumsq: number; readonly first: number[] };
  readonly grad_norms: Readonly<Record<string, number>>;
}

describe.each(["tiny", "small"])("cmmd-unet against the golden values of unet_%s", (which) => {
  const path = join(data, "golden", `unet_${which}.json`);
  if (!existsSync(path)) {
    it.skip(`skipped: ${path} is absent`, () => {});
    return;
  }
  const golden = JSON.parse(readFileSync(path, "utf8")) as Golden;
  const { cfg } = golden;
  const [, f, h, t] = golden.shape;
  const options: UnetOptions = {
    channels: cfg.base,
    multipliers: cfg.mults,
    head_dim: cfg.head_dim,
    groups: cfg.groups,
    embedding: cfg.emb_dim,
    attention_levels: cfg.attn_levels,
    fusion: "easy",
  };
  const specs = parameters(options, { video: [f, h, h, cfg.v_ch], audio: [t, cfg.a_ch] });
  const weights: Record<string, HostTensor> = Object.fromEntries(
    specs.map(({ name, shape }, i) => [name, { shape, data: formula(i, name, shape) }]),
  );
  const inputs = formulaInputs(golden.shape, cfg.v_ch, cfg.a_ch);
  type Inputs = { video: tf.Tensor; audio: tf.Tensor; n: tf.Tensor };
  const network = (p: Record<string, tf.Tensor>, x: Inputs) =>
    apply(p, { video: x.video as tf.Tensor5D, audio: x.audio as tf.Tensor3D, n: x.n as tf.Tensor1D }, options);

  it("has the same parameters in the same order", () => {
    expect(specs.map(({ name, shape }) => [name, shape])).toEqual(golden.params);
    expect(specs.reduce((sum, { shape }) => sum + product(shape), 0)).toBe(golden.n_params);
  });

  it("gives the same outputs to 1e-5", async () => {
    const program = jit((p: Record<string, tf.Tensor>, x: Inputs) => network(p, x), { freeze: [0] });
    const out = await program(weights, inputs);
    for (const [tensor, order, expected] of [
      [out.video, [0, 4, 1, 2, 3], golden.v_out],
      [out.audio, [0, 2, 1], golden.a_out],
    ] as const) {
      const host = await tensor.read();
      const values = transpose(host.data as Float32Array, host.shape, order);
      const compare = (got: Float32Array, want: readonly number[]) => {
        want.forEach((value, i) => {
          expect(Math.abs(got[i]! - value)).toBeLessThan(1e-5);
        });
      };
      compare(values, expected.all ?? expected.first);
      compare(values.slice(-expected.last.length), expected.last);
      const sum = values.reduce((a, v) => a + v, 0);
      const squares = values.reduce((a, v) => a + v * v, 0);
      expect(Math.abs(sum - expected.sum) / Math.max(1, Math.abs(expected.sum))).toBeLessThan(1e-4);
      expect(Math.abs(squares - expected.sumsq) / expected.sumsq).toBeLessThan(1e-5);
    }
    program.dispose();
  });

  it("has the same gradient norms to 1e-4 relative", async () => {
    const program = jit((p: Record<string, tf.Tensor>, x: Inputs) => {
      const { grads } = valueAndGrad((q: Record<string, tf.Tensor>) => {
        const { video, audio } = network(q, x);
        return { value: tf.add(tf.sum(tf.square(video)), tf.sum(tf.square(audio))) as tf.Scalar };
      }, p);
      return Object.fromEntries(
        Object.entries(grads).map(([name, g]) => [name, tf.sqrt(tf.sum(tf.square(g))) as tf.Tensor] as const),
      );
    });
    const norms = await program(weights, inputs);
    const worst = { name: "", error: 0 };
    for (const [name, expected] of Object.entries(golden.grad_norms)) {
      const got = (await norms[name]!.read()).data[0]!;
      // A bias before a group norm of one channel per group cancels: its gradient is 0 but for rounding, whose scale is the layer's weight's.
      const cancels = expected < 1e-9 && name.endsWith(".bias");
      const scale = cancels ? golden.grad_norms[name.replace(/bias$/, "weight")]! : expected;
      const error = Math.abs(got - expected) / scale;
      if (!(error <= worst.error)) Object.assign(worst, { name, error });
    }
    expect(worst.error, worst.name).toBeLessThan(1e-4);
    program.dispose();
  });

  it("has the same guidance gradient", async () => {
    const program = jit(
      (p: Record<string, tf.Tensor>, x: Inputs) => {
        const { grad } = gradOf(
          (audio) => ({ value: tf.sum(tf.square(network(p, { ...x, audio }).video)) as tf.Scalar }),
          x.audio,
        );
        return grad;
      },
      { freeze: [0] },
    );
    const host = await (await program(weights, inputs)).read();
    const grad = transpose(host.data as Float32Array, host.shape, [0, 2, 1]);
    const squares = grad.reduce((a, v) => a + v * v, 0);
    expect(Math.abs(squares - golden.guide_grad_a.sumsq) / golden.guide_grad_a.sumsq).toBeLessThan(1e-4);
    const scale = Math.sqrt(golden.guide_grad_a.sumsq / grad.length);
    golden.guide_grad_a.first.forEach((value, i) => {
      expect(Math.abs(grad[i]! - value) / scale).toBeLessThan(1e-4);
    });
    program.dispose();
  });
});

describe("the paper's configuration", () => {
  const options: UnetOptions = { channels: 128, multipliers: [1, 2, 3, 4], head_dim: 64, groups: 32, fusion: "easy" };

  it("takes latents of 8x8 to 64x64 and any number of frames, and says the nearest mel length", () => {
    for (const [frames, side, mel] of [
      [18, 8, 112],
      [36, 64, 224],
      [1, 16, 8],
    ] as const)
      expect(fits(options, { video: [frames, side, side, 4], audio: [mel, 80] })).toEqual([]);
    const [problem, ...others] = fits(options, { video: [18, 16, 16, 4], audio: [110, 80] });
    expect([problem!.code, others]).toEqual(["CMMD501", []]);
    expect(problem!.message).toContain("110 is not a multiple of 8; the nearest are 104 and 112");
  });

  it("has 105,840,212 parameters", () => {
    const specs = parameters(options, { video: [18, 16, 16, 4], audio: [112, 80] });
    expect(specs.reduce((sum, { shape }) => sum + product(shape), 0)).toBe(105_840_212);
  });
});
