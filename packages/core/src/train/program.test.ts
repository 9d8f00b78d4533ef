import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DeviceTensor, type HostTensor, type LossScale, tf } from "@cmmd/jit";
import { beforeAll, describe, expect, it } from "vitest";
import { stream } from "../diffusion/random.js";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import type { LossBody, ModelBody } from "../plugin/components.js";
import type { StageInput } from "../stages/stage.js";
import { layoutOf, pack, startOf } from "./buckets.js";
import type { StateTensors } from "./objective.js";
import { stepScalars, stepTensors } from "./optimizer.js";
import { trainingProgram } from "./program.js";
import { scalar } from "./scalars.js";
import { type DiffusionFigures, openWholeSteps } from "./whole-steps.js";

const folder = mkdtempSync(join(tmpdir(), "cmmd-program-"));
const random = stream(3, "test");
const normal = (...shape: number[]): HostTensor => ({
  shape,
  data: random.normal(shape.reduce((a, b) => a * b)),
});

const weights = { video: normal(6, 6), audio: normal(5, 5) };
/** A product for each modality. */
const model: ModelBody<unknown> = {
  initialise: () => ({ video: { ...weights.video }, audio: { ...weights.audio } }) as never,
  apply: (parameters, { video, audio }) => ({
    video: tf.matMul(video.reshape([-1, 6]), parameters.video as tf.Tensor2D).reshape(video.shape),
    audio: tf.matMul(audio.reshape([-1, 5]), parameters.audio as tf.Tensor2D).reshape(audio.shape),
  }),
};
const loss: LossBody<unknown> = {
  describe: () => "diffusion",
  value: (_, { video, audio, n, noise }, __, network) => {
    const output = network(video, audio, n);
    const part = (a: tf.Tensor, b: tf.Tensor) => a.sub(b).square().mean();
    return { loss: part(output.video, noise.video).add(part(output.audio, noise.audio)), log: {} };
  },
};
const optimizer = { use: "adam", rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, warmup: 0 } as const;
const pipeline = {
  diffusion: { schedule: "cosine", steps: 10, predict: "v", scale: { video: 1, audio: 1 } },
  model: { options: {} },
  train: { optimizer },
} as unknown as ResolvedPipeline;
const used = { kind: "losses", use: "diffusion", plugin: "test", options: {} } as const;
const inputs = {
  video: normal(2, 3, 2, 2, 6),
  audio: normal(2, 4, 5),
  videoNoise: normal(2, 3, 2, 2, 6),
  audioNoise: normal(2, 4, 5),
  n: scalar(1),
  alphaBar: scalar(0.5),
};
const layout = layoutOf(weights);
const start = () => startOf(pack(weights as never, layout));
const read = async (tensor: HostTensor | DeviceTensor) =>
  Array.from(((await (tensor as DeviceTensor).read()) as HostTensor).data);

function programOf(options: Parameters<typeof trainingProgram>[1]) {
  const program = trainingProgram(pipeline, options, model, layout, [{ name: "diffusion", used, body: loss }]);
  const scalars = stepScalars(optimizer, 0.9, 0);
  const of = (name: keyof typeof scalars) => scalar(scalars[name]);
  return (state: StateTensors, given: typeof inputs = inputs) =>
    program(state, given, {}, { rate: of("rate"), epsilon: of("epsilon"), emaRate: of("emaRate") });
}

const lossScale: LossScale<HostTensor> = { scale: scalar(1024), good: scalar(0) };
const huge = { ...inputs, video: { ...inputs.video, data: inputs.video.data.map((value) => value * 1e20) } };

describe("the training step", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  it("takes the same step with a scaled loss; one that overflows changes the scale alone", async () => {
    const plain = await programOf({})({ buckets: start() });
    const mixed = programOf({ precision: "mixed" });
    const scaled = await mixed({ buckets: start(), lossScale });
    expect(await read(scaled.scaling!.finite)).toEqual([1]);
    expect(await read(scaled.scaling!.scale)).toEqual([1024]);
    expect((await read(scaled.log.loss))[0]).toBeCloseTo((await read(plain.log.loss))[0]!, 3);
    const [expected, got] = await Promise.all([plain, scaled].map(({ state }) => read(state.buckets[0]!.parameters)));
    for (const [i, value] of got!.entries()) expect(Math.abs(value - expected![i]!)).toBeLessThan(1e-4);
    expect(await read(scaled.state.lossScale!.good)).toEqual([1]);

    const overflowed = await mixed({ buckets: start(), lossScale }, huge as typeof inputs);
    expect(await read(overflowed.scaling!.finite)).toEqual([0]);
    expect(await read(overflowed.scaling!.scale)).toEqual([512]);
    expect(await read(overflowed.state.lossScale!.scale)).toEqual([512]);
    for (const [i, bucket] of start().entries())
      for (const part of ["parameters", "first", "second", "ema"] as const)
        expect(await read(overflowed.state.buckets[i]![part])).toEqual(Array.from(bucket[part].data));
  });

  it.each([
    ["float32" as const, {}],
    ["mixed" as const, { lossScale }],
  ])(
    "in %s several steps in a run are the single ones bit by bit, with one that overflows among them",
    async (precision, scaled) => {
      const input = { pipeline: { ...pipeline, precision }, device: "cpu", programs: folder } as unknown as StageInput;
      const { take, dispose } = openWholeSteps(input, model, layout);
      const steps = [inputs, precision === "mixed" ? huge : inputs, { ...inputs, n: scalar(3) }].map((given, step) => ({
        program: "diffusion",
        losses: [{ name: "diffusion", used: { ...used, from: 0 }, body: loss }],
        args: [given, {}, stepTensors(optimizer, 0.9, step)] as const,
      }));
      let state: StateTensors = { buckets: start(), ...scaled };
      const taken: DiffusionFigures[] = [];
      for (const step of steps) {
        const result = await take(state, [step]);
        state = result.state;
        taken.push(...result.taken);
      }
      const run = await take({ buckets: start(), ...scaled }, steps);
      expect(run.taken).toEqual(taken);
      expect(taken.map(({ finite }) => finite)).toEqual(
        precision === "mixed" ? [1, 0, 1] : [undefined, undefined, undefined],
      );
      for (const part of ["parameters", "first", "second", "ema"] as const)
        for (const [i, bucket] of state.buckets.entries())
          expect(await read(run.state.buckets[i]![part])).toEqual(await read(bucket[part]));
      expect(run.state.lossScale && (await read(run.state.lossScale.good))).toEqual(
        state.lossScale && (await read(state.lossScale.good)),
      );
      await dispose();
    },
  );
});
