import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tf } from "@cmmd/jit";
import { describe, expect, it } from "vitest";
import type { Generation } from "../pipeline/resolved.js";
import type { Arrays, GuidanceBody, ModelBody, SamplerBody } from "../plugin/components.js";
import type { StageInput } from "../stages/stage.js";
import { openSampler } from "./sampler.js";
import { inOnePiece, layWindows, type WindowLayout } from "./windows.js";

const length = 12;
const rho = 0.9;
const steps = 1000;

/** Eigenvectors (columns) and eigenvalues of the covariance rho^|i-j| of a stationary sequence, by Jacobi's rotations. */
function eigen(n: number): { vectors: Float32Array; values: Float32Array } {
  const a = Array.from({ length: n }, (_, i) => Float64Array.from({ length: n }, (_, j) => rho ** Math.abs(i - j)));
  const v = Array.from({ length: n }, (_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 12; sweep++)
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        const angle = 0.5 * Math.atan2(2 * a[p]![q]!, a[q]![q]! - a[p]![p]!);
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        for (const m of [a, v])
          for (const row of m) [row[p], row[q]] = [c * row[p]! - s * row[q]!, s * row[p]! + c * row[q]!];
        const [rowP, rowQ] = [a[p]!.slice(), a[q]!.slice()];
        a[p] = rowP.map((value, j) => c * value - s * rowQ[j]!);
        a[q] = rowP.map((value, j) => s * value + c * rowQ[j]!);
      }
  return {
    vectors: Float32Array.from(v.flatMap((row) => [...row])),
    values: Float32Array.from({ length: n }, (_, i) => a[i]![i]!),
  };
}

const { vectors, values } = eigen(length);
const weights = {
  vectors: { shape: [length, length], data: vectors },
  values: { shape: [length], data: values },
};
/** The exact x0 of `length` steps of the sequence: U diag(s lambda / (s^2 lambda + r^2)) U^T x_n, for alphaBar of the cosine schedule. */
const exact: ModelBody<unknown> = {
  initialise: () => weights,
  apply({ vectors: u, values: lambda }, { video, audio, n }) {
    const f = (at: tf.Tensor) =>
      tf.square(
        tf.cos(
          at
            .div(steps)
            .add(0.008)
            .div(1.008)
            .mul(Math.PI / 2),
        ),
      );
    const alphaBar = f(n)
      .div(f(tf.scalar(0)))
      .expandDims(1);
    const gain = alphaBar
      .sqrt()
      .mul(lambda!)
      .div(alphaBar.mul(tf.sub(lambda!, 1)).add(1));
    const x0 = (x: tf.Tensor) => {
      const rows = x.reshape([-1, length]);
      return tf.matMul(tf.matMul(rows, u as tf.Tensor2D).mul(gain), u as tf.Tensor2D, false, true).reshape(x.shape);
    };
    return { video: x0(video) as tf.Tensor5D, audio: x0(audio) as tf.Tensor3D };
  },
};

/** DDIM of 40 steps; with eta 1 it is stochastic. */
const ddim: SamplerBody<{ eta: number }> = {
  evaluations: () => 40,
  async sample({ eta }, predict, start, { schedule, noise, evaluated, from: stood, stands }) {
    let x: Arrays = stood?.x ?? start;
    for (let k = stood?.step ?? 0; k < 40; k++) {
      const [from, to] = [steps - 25 * k, steps - 25 * (k + 1)].map((n) => schedule.alphaBar(n)) as [number, number];
      const { x0, eps } = await predict(x, steps - 25 * k);
      const fresh = eta > 0 ? noise(k) : x;
      const sigma = eta * Math.sqrt(((1 - to) / (1 - from)) * (1 - from / to));
      const next = (m: "video" | "audio") =>
        x0[m].map(
          (value, i) =>
            Math.sqrt(to) * value + Math.sqrt(Math.max(1 - to - sigma ** 2, 0)) * eps[m][i]! + sigma * fresh[m][i]!,
        );
      x = { video: next("video"), audio: next("audio") };
      evaluated(k + 1);
      stands?.({ step: k + 1, x });
    }
    return x;
  },
};

/** What is known, in place; `blow` makes the estimates of the rest that many times too large. */
const inPlace: GuidanceBody<{ blow: number }> = {
  predict({ blow }, network, parametrisation, { x, n, alphaBar, known: { video: known } }) {
    const { x0, noise, mask } = known!;
    const kept = alphaBar.sqrt().mul(x0).add(tf.sub(1, alphaBar).sqrt().mul(noise));
    const video = tf.add(x.video, mask!.mul(kept.sub(x.video)));
    const output = network(video as tf.Tensor5D, x.audio as tf.Tensor3D, n);
    return {
      x0: { video: output.video.mul(blow), audio: output.audio },
      eps: {
        video: parametrisation.eps(video, output.video, alphaBar),
        audio: parametrisation.eps(x.audio, output.audio, alphaBar),
      },
    };
  },
  advice: ({ blow }) => `Lower "blow", now ${blow}.`,
};

const folder = mkdtempSync(join(tmpdir(), "cmmd-sampler-"));
// One feature frame per video frame.
const definition = { kind: "test", rate: 10, bins: 1, window: 1, hop: 1 };
writeFileSync(
  join(folder, "features.json"),
  JSON.stringify({ definition, rates: { video: 10, audio: 10 }, mean: 0, std: 1 }),
);
const bodies = { models: exact, samplers: ddim, guidances: inPlace } as Readonly<Record<string, unknown>>;
const input = {
  pipeline: {
    seed: 3,
    engine: "tfjs",
    backend: "cpu",
    precision: "float32",
    model: { use: "exact", options: {} },
    diffusion: { schedule: "cosine", steps, predict: "x0", scale: { video: 1, audio: 1 } },
  },
  device: "cpu",
  programs: folder,
  inputs: { prepare: folder },
  context: { signal: new AbortController().signal },
  component: async (kind: string) => bodies[kind],
} as unknown as StageInput;

const shape = { video: [length, 1, 1, 1], audio: [length, 1] } as const;
const nothing = { video: () => new Float32Array(), audio: () => new Float32Array() };

async function sample(
  layout: WindowLayout,
  eta: number,
  indices: readonly number[],
  more: Partial<Generation> = {},
  clip = nothing,
) {
  const generation = { name: "test", task: "joint", batch: 3, sampler: { use: "ddim", options: { eta } }, ...more };
  const sampler = await openSampler(input, generation as Generation, weights, layout.window, layout);
  const requests = indices.map((noiseIndex) => ({ clip, noiseIndex }));
  const result = await sampler.sample(requests, () => undefined);
  await sampler.dispose();
  return result;
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("sampling", () => {
  it("the same seed gives the same clip at any batch size, with a stochastic sampler, in one piece and in windows", async () => {
    for (const layout of [inOnePiece(shape), layWindows(29, shape, 1)]) {
      const together = await sample(layout, 1, range(4));
      for (const modality of ["video", "audio"] as const) {
        const size = together[modality].length / 4;
        for (const [at, indices] of [
          [0, [0]],
          [1, [1, 2]],
          [3, [3]],
        ] as const) {
          const alone = (await sample(layout, 1, indices))[modality];
          const same = together[modality].subarray(at * size, at * size + alone.length);
          expect(alone.reduce((most, value, i) => Math.max(most, Math.abs(value - same[i]!)), 0)).toBeLessThan(1e-5);
        }
      }
    }
  });

  it("windows leave no seam: a stationary sequence steps everywhere as far as it should", async () => {
    const frames = 40;
    const layout = layWindows(frames, shape, 1);
    expect(layout.starts.map(({ video }) => video)).toEqual([0, 7, 14, 21, 28]);
    const count = 600;
    const { video } = await sample(layout, 0, range(count), { batch: 10_000 });
    const meanSquare = (of: (clip: number) => number) => range(count).reduce((sum, i) => sum + of(i) ** 2, 0) / count;
    const spread = range(frames).map((t) => meanSquare((i) => video[i * frames + t]!));
    const strides = range(frames - 1).map((t) =>
      meanSquare((i) => video[i * frames + t + 1]! - video[i * frames + t]!),
    );
    // Windows that know nothing of each other would step 2 at a boundary; a window by itself steps 0.18 with 40 steps of DDIM.
    expect(Math.max(...strides.map((stride) => Math.abs(stride - 2 * (1 - rho))))).toBeLessThan(0.05);
    // Estimates that are averaged vary less: 0.73 where windows meet.
    expect(Math.min(...spread)).toBeGreaterThan(0.7);
    expect(Math.max(...spread)).toBeLessThan(1.05);
  });

  it("what is known stays as it is, and what follows it in time goes on from there", async () => {
    const guidance = { kind: "guidances", use: "in-place", plugin: "test", options: { blow: 1 } } as const;
    const given = Float32Array.from({ length }, () => 2);
    const clip = { video: () => given, audio: () => given };
    const count = 800;
    const { video } = await sample(
      inOnePiece(shape),
      0,
      range(count),
      { task: "extend", known: 8, guidance, batch: 800 },
      clip,
    );
    const mean = (t: number) => range(count).reduce((sum, i) => sum + video[i * length + t]!, 0) / count;
    expect(range(8).map(mean)).toEqual(range(8).map(() => 2));
    // The truth is 1.8; replacement carries over 1.07 of it.
    expect(Math.abs(mean(8) - 1.07)).toBeLessThan(0.1);
  });

  it("goes on where it was interrupted, and leaves the same bits", async () => {
    const layout = layWindows(29, shape, 1);
    const generation = { name: "test", task: "joint", batch: 3, sampler: { use: "ddim", options: { eta: 1 } } };
    const requests = [{ clip: nothing, noiseIndex: 2 }];
    const keep = join(folder, "unfinished.safetensors");
    const run = async (stopAt: number) => {
      const controller = new AbortController();
      const context = { signal: controller.signal, log: () => undefined };
      const sampler = await openSampler({ ...input, context } as never, generation as never, weights, shape, layout);
      const asked: number[] = [];
      const evaluated = (k: number) => {
        asked.push(k);
        if (k === stopAt) controller.abort(new Error("interrupted"));
      };
      const result = await sampler.sample(requests, evaluated, keep).catch((error: Error) => error.message);
      await sampler.dispose();
      return { result, asked };
    };
    expect(await run(25)).toMatchObject({ result: "interrupted" });
    const { result, asked } = await run(-1);
    expect(asked[0]).toBe(25);
    expect(result).toEqual(await sample(layout, 1, [2]));
    expect(existsSync(keep)).toBe(false);
  });

  it("stops where samples explode, and says where and what to change", async () => {
    const guidance = { kind: "guidances", use: "in-place", plugin: "test", options: { blow: 80 } } as const;
    const clip = { video: () => new Float32Array(length), audio: () => new Float32Array(length) };
    await expect(
      sample(inOnePiece(shape), 0, [0], { task: "inpaint", span: [0.2, 0.5], fill: "both", guidance }, clip),
    ).rejects.toMatchObject({
      code: "CMMD532",
      message: expect.stringMatching(
        /video samples of the generation "[^"]+" grew to \S+ \(root mean square\) at evaluation \d+ of 40 \(diffusion step \d+\)/,
      ),
      hint: 'Lower "blow", now 80.',
    });
  });
});
