import { stream } from "../diffusion/random.js";
import type { Used, VocoderPipeline } from "../pipeline/resolved.js";
import type { Json } from "../plugin/components.js";
import type { StageInput } from "../stages/stage.js";
import type { DrawingThread } from "./draw-ahead.js";
import type { Objective, States } from "./objective.js";
import { learningRate, stepTensors } from "./optimizer.js";
import { inRuns } from "./runs.js";
import type { SoundBatch, SoundFacts } from "./sound-drawing.js";
import { openVocoderAccumulation } from "./vocoder-accumulation.js";
import { openVocoderCopies } from "./vocoder-copies.js";
import { openVocoderParts } from "./vocoder-parts.js";
import { constantsOf } from "./vocoder-program.js";
import { openWholeVocoderSteps, type VocoderFigures, type VocoderStep } from "./vocoder-steps.js";

const usedAs = ({ use, options }: Used) => ({ use, options: options as Json });

/** The losses with their weights in one line. */
function describeLosses({ losses, adversarial_from }: VocoderPipeline["train"]): string {
  const when = (name: string) =>
    adversarial_from > 0 && (name === "adversarial" || name === "feature_matching")
      ? ` from step ${adversarial_from}`
      : "";
  const parts = Object.entries(losses).filter(([, weight]) => weight > 0);
  return `loss = ${parts.map(([name, weight]) => `${weight}·${name.replaceAll("_", " ")}${when(name)}`).join(" + ")}`;
}

/** Adversarial training of a vocoder (MelGAN, Kumar et al. 2019, with the losses that the pipeline weighs): an objective of the training loop. */
export async function vocoderObjective(
  input: StageInput<VocoderPipeline>,
  { facts, draw }: DrawingThread<SoundFacts, SoundBatch>,
): Promise<Objective<SoundBatch>> {
  const { pipeline } = input;
  const { train: options, vocoder, seed } = pipeline;
  const parts = await openVocoderParts(input, facts.definition);
  const { training, definition, layouts } = parts;
  const constants = constantsOf(parts);
  const judged = options.losses.adversarial > 0 || options.losses.feature_matching > 0;
  const isAdversarial = (step: number) => judged && step >= options.adversarial_from;
  const inParts = options.accumulate > 1;
  const stepper = (inParts ? openVocoderAccumulation : openWholeVocoderSteps)(input, parts, constants);
  const copies = await openVocoderCopies(input, parts, constants);
  const { beta1, beta2 } = options.optimizer;
  const shown = (size: number) => size.toLocaleString("en");
  const scalarsAt = (step: number) => stepTensors(options.optimizer, options.ema, Math.max(0, step));
  const stepAt = (step: number, { sound }: SoundBatch): VocoderStep => ({
    // In parts, no two steps are one program.
    program: inParts ? String(step) : isAdversarial(step) ? "adversarial" : "alone",
    adversarial: isAdversarial(step),
    // The discriminators' first step is the first one of their optimiser.
    args: [sound, { model: scalarsAt(step), discriminator: scalarsAt(step - options.adversarial_from) }],
  });

  return {
    layouts,
    configuration: {
      cmmd: pipeline.cmmd,
      name: pipeline.name,
      seed,
      parameters: layouts.model.size,
      vocoder: usedAs(vocoder),
      features: { definition: definition as unknown as Json },
      optimizer: { use: options.optimizer.use, beta1, beta2 },
    },
    batch: options.batch,
    initial: () => training.initialise(vocoder.options, definition, (name) => stream(seed, `initialise ${name}`)),
    describe: () => [
      `${shown(layouts.model.size)} parameters of the vocoder, ${shown(layouts.discriminator.size)} of the discriminators, ${shown(facts.clips)} clips`,
      describeLosses(options),
    ],
    draw,
    async run(before, batches, first) {
      const steps = batches.map((batch, i) => stepAt(first + i, batch));
      const { state, taken } = await inRuns<States, VocoderStep, VocoderFigures>(before, steps, stepper.take);
      return {
        state,
        steps: taken.map(({ log: { loss, ...losses }, norm, judges }, i) => ({
          loss: loss!,
          gradient: Math.hypot(norm, judges ?? 0),
          overflowed: false,
          log: {
            loss: loss!,
            gradient_norm: norm,
            ...losses,
            ...(judges !== undefined && { "discriminator/gradient_norm": judges }),
            learning_rate: learningRate(options.optimizer, first + i),
          },
        })),
      };
    },
    runaway: () => undefined,
    ...copies,
    async dispose() {
      await stepper.dispose();
      await copies.dispose();
    },
  };
}
