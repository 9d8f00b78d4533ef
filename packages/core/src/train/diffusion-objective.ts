import { stream } from "../diffusion/random.js";
import { parameterShapes } from "../inspect/sizes.js";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import type { PairShape } from "../plugin/clips.js";
import type { Json, ModelBody } from "../plugin/components.js";
import { readFeatureStatistics } from "../stages/features.js";
import type { StageInput } from "../stages/stage.js";
import { openAccumulation } from "./accumulation.js";
import { layoutOf } from "./buckets.js";
import type { DrawingThread } from "./draw-ahead.js";
import type { DiffusionBatch, DiffusionFacts } from "./drawing.js";
import { describeLosses, lossesAt, openLosses, runawayOf } from "./losses.js";
import type { Objective, StateTensors } from "./objective.js";
import { learningRate, stepTensors } from "./optimizer.js";
import { openPreview } from "./preview.js";
import { programName } from "./program.js";
import { inRuns } from "./runs.js";
import { openValidation } from "./validation.js";
import { type DiffusionFigures, type DiffusionStep, openWholeSteps } from "./whole-steps.js";

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
  const inParts = options.accumulate > 1;
  const stepper = inParts ? openAccumulation(input, model, layout) : openWholeSteps(input, model, layout);
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
    async run({ model: before }, batches, first) {
      const steps = batches.map(({ tensors, drawn }, i): DiffusionStep => {
        const active = lossesAt(losses, first + i);
        // In parts, no two steps are one program.
        const program = inParts ? String(i) : programName(active);
        const scalars = stepTensors(options.optimizer, options.ema, first + i);
        return { program, losses: active, args: [tensors, drawn, scalars] };
      });
      const { state, taken } = await inRuns<StateTensors, DiffusionStep, DiffusionFigures>(
        before!,
        steps,
        stepper.take,
      );
      return {
        state: { model: state },
        steps: taken.map(({ log: { loss, ...parts }, gradient, finite, scale }, i) => ({
          loss: loss!,
          gradient,
          overflowed: finite === 0,
          log: {
            loss: loss!,
            gradient_norm: gradient,
            ...(scale !== undefined && { loss_scale: scale }),
            ...parts,
            learning_rate: learningRate(options.optimizer, first + i),
          },
        })),
      };
    },
    runaway: (log, step) => runawayOf(lossesAt(losses, step), log, step),
    ...(validate && { validate }),
    ...(preview && { preview }),
    async dispose() {
      await stepper.dispose();
      await validate?.dispose();
      await preview?.dispose();
    },
  };
}
