import type { DeviceTensor } from "@cmmd/jit";
import { stream } from "../diffusion/random.js";
import { parameterShapes } from "../inspect/sizes.js";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import type { PairShape } from "../plugin/clips.js";
import type { Json, ModelBody } from "../plugin/components.js";
import { jitOptions } from "../stages/computing.js";
import { readFeatureStatistics } from "../stages/features.js";
import type { StageInput } from "../stages/stage.js";
import { openAccumulation } from "./accumulation.js";
import { type Layout, layoutOf } from "./buckets.js";
import type { DrawingThread } from "./draw-ahead.js";
import type { DiffusionBatch, DiffusionFacts } from "./drawing.js";
import { describeLosses, lossesAt, openLosses, runawayOf, type TimedLoss } from "./losses.js";
import type { Objective, States, StateTensors, StepResult } from "./objective.js";
import { learningRate, stepScalars } from "./optimizer.js";
import { openPreview } from "./preview.js";
import { programByLosses, trainingProgram } from "./program.js";
import { numberOf, numbersOf, scalar } from "./scalars.js";
import { openValidation } from "./validation.js";

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

function wholeSteps(input: StageInput, model: ModelBody<unknown>, layout: Layout, losses: readonly TimedLoss[]) {
  const programs = programByLosses((active) =>
    trainingProgram(input.pipeline, jitOptions(input), model, layout, active),
  );
  return {
    async run(state: StateTensors, { tensors, drawn }: DiffusionBatch, step: number, scalars: Scalars) {
      const result = await programs.of(lossesAt(losses, step))(state, tensors, drawn, scalars);
      const finite = result.finite && (await numberOf(result.finite));
      return { ...result, log: await numbersOf(result.log), finite };
    },
    dispose: () => programs.dispose(),
  };
}

export type Scalars = Readonly<Record<"rate" | "epsilon" | "emaRate", ReturnType<typeof scalar>>>;

/** Joint diffusion training (the paper's Algorithm 1): the first objective of the training loop. */
export async function diffusionObjective(
  input: StageInput,
  { facts: { clips, shape }, draw }: DrawingThread<DiffusionFacts, DiffusionBatch>,
): Promise<Objective<DiffusionBatch> & { readonly model: ModelBody<unknown> }> {
  const { pipeline } = input;
  const { train: options } = pipeline;
  const model: ModelBody<unknown> = await input.component("models", pipeline.model.use);
  const layout = layoutOf(parameterShapes(model, pipeline.model.options, shape));
  const losses = await openLosses(input);
  const steps =
    options.accumulate > 1 ? openAccumulation(input, model, layout, losses) : wholeSteps(input, model, layout, losses);
  const validate = await openValidation(input, model, layout, losses);
  const preview = await openPreview(input, layout, shape);

  return {
    model,
    layouts: { model: layout },
    configuration: configurationOf(input, shape, layout.size),
    batch: options.batch,
    initial: () => ({ model: initialParameters(input, model, shape) }),
    describe: () => [
      `${layout.size.toLocaleString("en")} parameters, ${clips.toLocaleString("en")} clips`,
      describeLosses(losses),
    ],
    draw,
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
