import type { HostTensor, OnnxModel, ProgramFacts } from "@cmmd/jit";
import { matchTensors } from "../data/match-tensors.js";
import type { Generation, ResolvedPipeline } from "../pipeline/resolved.js";
import type { Clip, PairShape } from "../plugin/clips.js";
import type { ModelBody } from "../plugin/components.js";
import { type NamedTensors, sizeOf } from "../plugin/tensors.js";
import type { Registry } from "../registry/registry.js";
import { knownSteps } from "../sample/known.js";
import { samplingProgram } from "../sample/program.js";
import { partsOf } from "../train/accumulation.js";
import { type Layout, layoutOf } from "../train/buckets.js";
import { type ActiveLoss, accumulatingPrograms, trainingProgram } from "../train/program.js";
import { parameterShapes } from "./sizes.js";

const modalities = ["video", "audio"] as const;
const float32 = 4;

/** Zeros that share memory: of the arguments of a program that is not run, only the shapes count. */
function zerosOf(largest: number) {
  const data = new Float32Array(largest);
  return (shape: readonly number[]): HostTensor => ({ shape, data: data.subarray(0, sizeOf(shape)) });
}

/** A pipeline's programs, made of shapes alone. */
export interface PipelinePrograms {
  readonly layout: Layout;
  /** One training step with these losses in force; with `train.accumulate`, which has to divide the batch, its programs together. */
  training(losses: readonly ActiveLoss[], batch: number): ProgramFacts;
  /** One network evaluation of a generation; without one, of the network by itself. */
  evaluation(generation: Generation | undefined, batch: number): Promise<ProgramFacts>;
  /** The same with these weights in it, as a standard ONNX model. Throws CMMD570 for weights that do not fit. */
  toOnnx(generation: Generation, batch: number, weights: NamedTensors, source: string): Promise<OnnxModel>;
}

/** Everything that the programs of a pipeline for clips of `shape` are made of; nothing is run, drawn or opened. */
export async function pipelinePrograms(
  pipeline: ResolvedPipeline,
  registry: Registry,
  shape: PairShape,
  rates: Readonly<Record<"video" | "audio", number>>,
): Promise<PipelinePrograms> {
  const model: ModelBody<unknown> = await registry.implementation("models", pipeline.model.use);
  const shapes = parameterShapes(model, pipeline.model.options, shape);
  const layout = layoutOf(shapes);
  const most = 64 * Math.max(sizeOf(shape.video), sizeOf(shape.audio));
  const zeros = zerosOf(Math.max(most, ...layout.buckets.map((bucket) => sizeOf(bucket.shape))));
  const both = (batch: number) => ({
    video: zeros([batch, ...shape.video]),
    audio: zeros([batch, ...shape.audio]),
  });
  return {
    layout,
    training(losses, batch) {
      const clips = Array.from({ length: batch }, () => emptyClip(shape, rates));
      const drawn = Object.fromEntries(
        losses.map(({ name, used, body }) => [
          name,
          body.draw?.(
            used.options,
            { clips, pool: clips, step: 0, shape },
            {
              random: () => ({ uniform: () => 0, integer: () => 0, normal: (count) => new Float32Array(count) }),
              negative: (_, clip, modality) => clip[modality](0),
            },
          ) ?? {},
        ]),
      );
      const { video, audio } = both(batch);
      const each = zeros([batch]);
      const number = zeros([]);
      const mixed = pipeline.precision === "mixed" && { lossScale: { scale: number, good: number } };
      const buckets = layout.buckets.map((bucket) => {
        const tensor = zeros(bucket.shape);
        return { parameters: tensor, first: tensor, second: tensor, ema: tensor };
      });
      const state = { buckets, ...mixed };
      const tensors = { video, audio, videoNoise: video, audioNoise: audio, n: each, alphaBar: each };
      const scalars = { rate: number, epsilon: number, emaRate: number };
      const { accumulate } = pipeline.train;
      if (accumulate === 1)
        return trainingProgram(pipeline, {}, model, layout, losses).inspect(state, tensors, drawn, scalars);
      const { gradientsOf, update } = accumulatingPrograms(pipeline, {}, model, layout);
      const sums = buckets.map(({ parameters }) => parameters);
      const known = new Map<string, ProgramFacts>();
      const parts = partsOf({ tensors, drawn } as never, losses, accumulate).map((part) => {
        const key = JSON.stringify([part.losses.map(({ name }) => name), part.shares]);
        const scale = mixed ? { scale: number } : {};
        const program = gradientsOf(part.losses, part.shares);
        const facts = known.get(key) ?? program.inspect(sums, sums, scale, part.inputs, part.drawn);
        known.set(key, facts);
        return facts;
      });
      return inParts(parts, [...known.values()], update.inspect(state, sums, scalars, mixed ? [number] : []), layout);
    },
    async evaluation(generation, batch) {
      const { program, inputs } = await sampling(generation, batch);
      const parameters = Object.fromEntries(Object.entries(shapes).map(([name, { shape }]) => [name, zeros(shape)]));
      return program.inspect(parameters, inputs);
    },
    async toOnnx(generation, batch, weights, source) {
      matchTensors(weights, shapes, source);
      const { program, inputs } = await sampling(generation, batch);
      return program.toOnnx(weights, inputs);
    },
  };

  /** One network evaluation and what it is given besides the weights. */
  async function sampling(generation: Generation | undefined, batch: number) {
    const used = generation?.guidance;
    const guidance = used && { used, body: await registry.implementation("guidances", used.use) };
    const steps = generation ? knownSteps(generation, shape, rates) : {};
    const x = both(batch);
    const known = Object.fromEntries(
      modalities.flatMap((modality) => {
        const mask = steps[modality];
        if (mask === undefined) return [];
        const maskShape = [batch, ...shape[modality].map((size, axis) => (axis === 0 ? size : 1))];
        const values = { x0: x[modality], noise: x[modality] };
        return [[modality, mask === "all" ? values : { ...values, mask: zeros(maskShape) }]];
      }),
    );
    const inputs = {
      ...x,
      n: zeros([batch]),
      alphaBar: zeros([]),
      ...(Object.keys(known).length > 0 && { known }),
    };
    return { program: samplingProgram(pipeline, {}, model, guidance), inputs };
  }
}

/**
 * A step of such parts, of which some are run by the same program, and of the update. Each program has an allocator of its own; what it takes to
 * trace and open one is there again for the next. The parts take the sums of gradients and the parameters that the update takes, and the
 * first one writes sums beside those that it is given.
 */
function inParts(
  parts: readonly ProgramFacts[],
  programs: readonly ProgramFacts[],
  update: ProgramFacts,
  { size }: Layout,
): ProgramFacts {
  const sum = (all: readonly ProgramFacts[], of: (facts: ProgramFacts) => number) =>
    all.reduce((total, facts) => total + of(facts), 0);
  const opened = [...programs, update];
  const gradients = float32 * size;
  return {
    nodes: Math.max(...opened.map(({ nodes }) => nodes)),
    multiplyAdds: sum([...parts, update], ({ multiplyAdds }) => multiplyAdds),
    memory: {
      ...update.memory,
      inputs: update.memory.inputs + sum(parts, ({ memory }) => memory.inputs - 2 * gradients),
      results: update.memory.results + gradients,
      intermediates: sum(opened, ({ memory }) => memory.intermediates),
    },
  };
}

function emptyClip(shape: PairShape, rates: Clip["rates"]): Clip {
  const around = { before: 0, after: 0 };
  return {
    id: "",
    recording: "",
    split: "train",
    events: [],
    context: { video: around, audio: around },
    rates,
    steps: { video: shape.video[0], audio: shape.audio[0] },
    shape,
    video: () => new Float32Array(sizeOf(shape.video)),
    audio: () => new Float32Array(sizeOf(shape.audio)),
  };
}
