import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DeviceTensor, type HostTensor, tf } from "@cmmd/jit";
import { describe, expect, it } from "vitest";
import { stream } from "../diffusion/random.js";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import type { LossBody, ModelBody } from "../plugin/components.js";
import type { StageInput } from "../stages/stage.js";
import { openAccumulation, partsOf } from "./accumulation.js";
import { layoutOf, pack, startOf } from "./buckets.js";
import { type ActiveLoss, accumulatingPrograms, trainingProgram } from "./program.js";
import { scalar } from "./scalars.js";

const folder = mkdtempSync(join(tmpdir(), "cmmd-accumulation-"));
const random = stream(5, "test");
const normal = (...shape: number[]) => ({ shape, data: random.normal(shape.reduce((a, b) => a * b)) });
const weights = { video: normal(6, 6), audio: normal(5, 5) };

const model: ModelBody<unknown> = {
  initialise: () => weights,
  apply: (parameters, { video, audio }) => ({
    video: tf.matMul(video.reshape([-1, 6]), parameters.video as tf.Tensor2D).reshape(video.shape),
    audio: tf.matMul(audio.reshape([-1, 5]), parameters.audio as tf.Tensor2D).reshape(audio.shape),
  }),
};
const error = (a: tf.Tensor, b: tf.Tensor) => a.sub(b).square().mean() as tf.Scalar;
/** A loss of all clips, and one of those that it has drawn something for. */
const whole: LossBody<unknown> = {
  describe: () => "whole",
  value: (_, { video, audio, n, noise }, __, network) => {
    const output = network(video, audio, n);
    const loss = error(output.video, noise.video).add(error(output.audio, noise.audio)) as tf.Scalar;
    return { loss, log: { error: loss } };
  },
};
const some: LossBody<unknown> = {
  describe: () => "some",
  value: (_, { video, n }, { other }, network) => {
    const rows = other!.shape[0]!;
    const first = video.slice([0], [rows]) as tf.Tensor5D;
    const output = network(first, other as tf.Tensor3D, n.slice([0], [rows]) as tf.Tensor1D);
    return { loss: error(output.audio, other!).mul(-0.3) as tf.Scalar, log: {} };
  },
};
const lossOf = (name: string, body: LossBody<unknown>): ActiveLoss => ({
  name,
  body,
  used: { kind: "losses", use: name, plugin: "test", options: {} },
});
const losses = [lossOf("whole", whole), lossOf("some", some)];
const layout = layoutOf(weights);
const start = () => ({ buckets: startOf(pack(weights, layout)) });
const scalars = { rate: scalar(0.01), epsilon: scalar(1e-8), emaRate: scalar(0.5) };
const optimizer = { use: "adam", rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, warmup: 0, clip: 0.7 } as const;
const pipeline = {
  diffusion: { schedule: "cosine", steps: 10, predict: "v", scale: { video: 1, audio: 1 } },
  model: { options: {} },
  train: { optimizer },
} as unknown as ResolvedPipeline;
const read = async (tensor: HostTensor | DeviceTensor) => (await (tensor as DeviceTensor).read()).data;

/** Six clips, of which the loss `some` has drawn something for the first `clips`. */
const batchWith = (clips: number) => ({
  tensors: {
    video: normal(6, 3, 2, 2, 6),
    audio: normal(6, 4, 5),
    videoNoise: normal(6, 3, 2, 2, 6),
    audioNoise: normal(6, 4, 5),
    n: normal(6),
    alphaBar: normal(6),
  },
  drawn: { whole: {}, some: { other: normal(clips, 4, 5) } },
});

describe("accumulated gradients", () => {
  it.each([1, 2, 3, 5])(
    "give the step of the whole batch of 6 in three parts, with a loss of the first %i clips",
    async (clips) => {
      const batch = batchWith(clips);
      const expected = await trainingProgram(
        pipeline,
        {},
        model,
        layout,
        losses,
      )(start(), batch.tensors, batch.drawn, scalars);
      const { gradientsOf, update } = accumulatingPrograms(pipeline, {}, model, layout);
      const state = start();
      let sums: readonly (HostTensor | DeviceTensor)[] = layout.buckets.map(({ shape }) => ({
        shape,
        data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
      }));
      let loss = 0;
      for (const { inputs, drawn, losses: held, shares } of partsOf(batch, losses, 3)) {
        const parameters = state.buckets.map((bucket) => bucket.parameters);
        const result = await gradientsOf(held, shares)(sums, parameters, {}, inputs, drawn);
        sums = result.sums;
        loss += (await read(result.log.loss))[0]!;
      }
      const got = await update(state, sums, scalars, []);
      expect(loss).toBeCloseTo((await read(expected.log.loss))[0]!, 5);
      for (const part of ["parameters", "first", "second", "ema"] as const) {
        const [a, b] = await Promise.all([expected, got].map(({ state: { buckets } }) => read(buckets[0]![part])));
        for (const [i, value] of a!.entries()) expect(Math.abs(value - b![i]!)).toBeLessThan(1e-6);
      }
    },
  );

  it("in mixed precision give the same step to float16; a part that overflows changes the scale alone", async () => {
    const mixed = { ...pipeline, precision: "mixed", engine: "onnx", train: { optimizer, accumulate: 3 } };
    const input = { pipeline: mixed, device: "cpu", programs: folder } as unknown as StageInput;
    const timed = losses.map((loss) => ({ ...loss, used: { ...loss.used, from: 0 } }));
    const { take, dispose } = openAccumulation(input, model, layout);
    const lossScale = { scale: scalar(1024), good: scalar(0) };
    const batch = batchWith(3);
    const program = trainingProgram(pipeline, {}, model, layout, losses);
    const expected = await program(start(), batch.tensors, batch.drawn, scalars);
    const step = { program: "", losses: timed, args: [batch.tensors, batch.drawn, scalars] } as const;
    const got = await take({ ...start(), lossScale }, [step]);
    expect(got.taken).toMatchObject([{ finite: 1, scale: 1024 }]);
    expect(await read(got.state.lossScale!.scale)).toEqual(Float32Array.of(1024));
    const [a, b] = await Promise.all([expected, got].map(({ state: { buckets } }) => read(buckets[0]!.parameters)));
    for (const [i, value] of a!.entries()) expect(Math.abs(value - b![i]!)).toBeLessThan(2e-3);

    // The last part alone.
    batch.tensors.video.data.fill(1e20, 4 * 72);
    const overflowed = await take({ ...start(), lossScale }, [step]);
    expect(overflowed.taken).toMatchObject([{ finite: 0, scale: 512 }]);
    expect(await read(overflowed.state.lossScale!.scale)).toEqual(Float32Array.of(512));
    for (const part of ["parameters", "first", "second", "ema"] as const)
      expect(await read(overflowed.state.buckets[0]![part])).toEqual(start().buckets[0]![part].data);
    await dispose();
  });
});
