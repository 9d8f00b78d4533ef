import type { DeviceTensor } from "@cmmd/jit";
import { stream } from "../diffusion/random.js";
import { schedules } from "../diffusion/schedule.js";
import { openNegatives } from "../negatives/mixture.js";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import type { Clip, PairShape } from "../plugin/clips.js";
import type { Json, ModelBody } from "../plugin/components.js";
import type { NamedTensor } from "../plugin/tensors.js";
import { jitOptions } from "../stages/computing.js";
import { readFeatureStatistics } from "../stages/features.js";
import type { StageInput } from "../stages/stage.js";
import { openAccumulation } from "./accumulation.js";
import { clipOrder, type DrawnBatch, drawBatch } from "./batches.js";
import { type Layout, layoutOf } from "./buckets.js";
import { describeLosses, lossesAt, openLosses, runawayOf, type TimedLoss } from "./losses.js";
import type { Objective, States, StateTensors, StepResult } from "./objective.js";
import { learningRate, stepScalars } from "./optimizer.js";
import { openPreview } from "./preview.js";
import { type Drawn, trainingProgram } from "./program.js";
import { numberOf, numbersOf, scalar } from "./scalars.js";
import { openValidation } from "./validation.js";

/** What a step of diffusion training learns from. */
export interface DiffusionBatch {
  readonly tensors: DrawnBatch["tensors"];
  readonly drawn: Drawn<NamedTensor>;
}

/** The untrained parameters: a function of the seed, the model's options and the sizes. */
export function initialParameters(
  { pipeline }: Pick<StageInput, "pipeline">,
  model: ModelBody<unknown>,
  shape: PairShape,
) {
  return model.initialise(pipeline.model.options, shape, (name) => stream(pipeline.seed, `initialise ${name}`));
}

const usedAs = ({ use, options }: ResolvedPipeline["model"]) => ({ use, options: options as Json });

/** What the weights of a pipeline are of: `config.json`. */
function configurationOf({ pipeline, inputs }: StageInput, shape: PairShape, parameters: number) {
  const { definition, rates, mean, std } = readFeatureStatistics(inputs.prepare!);
  const { use, beta1, beta2 } = pipeline.train.optimizer;
  return {
    cmmd: pipeline.cmmd,
    name: pipeline.name,
    seed: pipeline.seed,
    parameters,
    model: usedAs(pipeline.model),
    diffusion: pipeline.diffusion,
    shape: { video: shape.video, audio: shape.audio },
    features: { definition: definition as unknown as Json, rates, mean, std },
    autoencoder: usedAs(pipeline.latents),
    optimizer: { use, beta1, beta2 },
  };
}

/** What every batch of a pipeline is drawn with. */
export interface Drawing {
  readonly clips: readonly Clip[];
  readonly shape: PairShape;
  /** Tells the random numbers of one use from those of another. */
  readonly seed: number;
  readonly order: (position: number) => number;
  readonly negative: Awaited<ReturnType<typeof openNegatives>>;
}

/** Draws a batch and what the losses want beside it; a pure function of its arguments. */
export function drawDiffusion(
  { diffusion }: ResolvedPipeline,
  { clips, shape, seed, order, negative }: Drawing,
  losses: readonly TimedLoss[],
  step: number,
  batch: number,
): DiffusionBatch {
  const schedule = schedules[diffusion.schedule](diffusion.steps);
  const positive = drawBatch(seed, step, batch, clips, order, shape, schedule);
  const drawn = losses.map(({ name, used, body }) => {
    const given = { clips: positive.clips, pool: clips, step, shape };
    const random = (purpose: string, ...at: number[]) => stream(seed, `${name} ${purpose}`, step, ...at);
    return [name, body.draw?.(used.options, given, { random, negative }) ?? {}] as const;
  });
  return { tensors: positive.tensors, drawn: Object.fromEntries(drawn) };
}

/** One traced program for each set of losses in force. */
function wholeSteps(input: StageInput, model: ModelBody<unknown>, layout: Layout, losses: readonly TimedLoss[]) {
  const programs = new Map<string, ReturnType<typeof trainingProgram>>();
  const programAt = (step: number) => {
    const active = lossesAt(losses, step);
    const key = active.map(({ name }) => name).join(" ");
    const program = programs.get(key) ?? trainingProgram(input.pipeline, jitOptions(input), model, layout, active);
    programs.set(key, program);
    return program;
  };
  return {
    async run(state: StateTensors, { tensors, drawn }: DiffusionBatch, step: number, scalars: Scalars) {
      const result = await programAt(step)(state, tensors, drawn, scalars);
      const finite = result.finite && (await numberOf(result.finite));
      return { ...result, log: await numbersOf(result.log), finite };
    },
    async dispose() {
      for (const program of programs.values()) await program.dispose();
    },
  };
}

export type Scalars = Readonly<Record<"rate" | "epsilon" | "emaRate", ReturnType<typeof scalar>>>;

/** Joint diffusion training (the paper's Algorithm 1): the first objective of the training loop. */
export async function diffusionObjective(
  input: StageInput,
  clips: readonly Clip[],
  shape: PairShape,
): Promise<Objective<DiffusionBatch> & { readonly model: ModelBody<unknown> }> {
  const { pipeline } = input;
  const { train: options, seed } = pipeline;
  const model: ModelBody<unknown> = await input.component("models", pipeline.model.use);
  const initial = initialParameters(input, model, shape);
  const layout = layoutOf(initial);
  const losses = await openLosses(input);
  const negative = await openNegatives(input, clips);
  const drawing: Drawing = { clips, shape, seed, order: clipOrder(seed, clips.length), negative };
  const steps =
    options.accumulate > 1 ? openAccumulation(input, model, layout, losses) : wholeSteps(input, model, layout, losses);
  const validate = await openValidation(input, model, layout, losses);
  const preview = openPreview(input, layout, shape);

  return {
    model,
    layouts: { model: layout },
    configuration: configurationOf(input, shape, layout.size),
    batch: options.batch,
    initial: () => ({ model: initial }),
    describe: () => [`${layout.size.toLocaleString("en")} parameters, ${clips.length} clips`, describeLosses(losses)],
    draw: (step) => drawDiffusion(pipeline, drawing, lossesAt(losses, step), step, options.batch),
    async run(states: States, batch: DiffusionBatch, step): Promise<StepResult> {
      const { rate, epsilon, emaRate } = stepScalars(options.optimizer, options.ema, step);
      const scalars: Scalars = { rate: scalar(rate), epsilon: scalar(epsilon), emaRate: scalar(emaRate) };
      const { state, squares, log, finite } = await steps.run(states.model!, batch, step, scalars);
      const gradient = Math.sqrt(
        Object.values(await numbersOf(Object.fromEntries(squares.entries()))).reduce((a, b) => a + b, 0),
      );
      const { loss, ...parts } = log as Record<string, number> & { loss: number };
      const scale = state.lossScale && (await numberOf(state.lossScale.scale as DeviceTensor, false));
      return {
        state: { model: state },
        loss,
        gradient,
        overflowed: finite === 0,
        log: {
          loss,
          gradient_norm: gradient,
          ...(scale !== undefined && { loss_scale: scale }),
          ...parts,
          learning_rate: learningRate(options.optimizer, step),
        },
      };
    },
    runaway: (log, step) => runawayOf(lossesAt(losses, step), log, step),
    ...(validate && { validate }),
    ...(preview && { preview }),
    async dispose() {
      await steps.dispose();
      await validate?.dispose();
      await preview?.dispose();
    },
  };
}
