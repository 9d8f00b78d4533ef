import { stream } from "../diffusion/random.js";
import { CmmdError } from "../errors.js";
import type { Used, VocoderPipeline } from "../pipeline/resolved.js";
import type { Json } from "../plugin/components.js";
import { jitOptions } from "../stages/computing.js";
import type { StageInput } from "../stages/stage.js";
import type { DrawingThread } from "./draw-ahead.js";
import type { Objective, StateTensors, StepResult } from "./objective.js";
import { learningRate, stepScalars } from "./optimizer.js";
import { numbersOf, scalar } from "./scalars.js";
import type { SoundBatch, SoundFacts } from "./sound-drawing.js";
import { openVocoderCopies } from "./vocoder-copies.js";
import { openVocoderParts } from "./vocoder-parts.js";
import { constantsOf, vocoderProgram } from "./vocoder-program.js";

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

const sumOf = (values: Readonly<Record<string, number>>) => Object.values(values).reduce((a, b) => a + b, 0);

/** Adversarial training of a vocoder (MelGAN, Kumar et al. 2019, with the losses that the pipeline weighs): an objective of the training loop. */
export async function vocoderObjective(
  input: StageInput<VocoderPipeline>,
  { facts, draw }: DrawingThread<SoundFacts, SoundBatch>,
): Promise<Objective<SoundBatch>> {
  const { pipeline } = input;
  const { train: options, vocoder, seed } = pipeline;
  const parts = await openVocoderParts(input, facts.definition);
  const { training, definition, layouts } = parts;
  const shortest = training.shortest(vocoder.options, definition);
  if (options.segment < shortest)
    throw new CmmdError(
      "CMMD595",
      `segments of ${options.segment} samples are too short for the vocoder "${vocoder.use}"`,
      { hint: `Set train.segment to ${shortest} at least.`, exitCode: 2 },
    );
  const constants = constantsOf(parts);
  const judged = options.losses.adversarial > 0 || options.losses.feature_matching > 0;
  const isAdversarial = (step: number) => judged && step >= options.adversarial_from;
  const programs = [false, true].map((adversarial) => vocoderProgram(pipeline, jitOptions(input), parts, adversarial));
  const copies = await openVocoderCopies(input, parts, constants);
  const { beta1, beta2 } = options.optimizer;
  const count = (size: number) => size.toLocaleString("en");
  const scalarsAt = (step: number) => {
    const { rate, epsilon, emaRate } = stepScalars(options.optimizer, options.ema, Math.max(0, step));
    return { rate: scalar(rate), epsilon: scalar(epsilon), emaRate: scalar(emaRate) };
  };

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
      `${count(layouts.model.size)} parameters of the vocoder, ${count(layouts.discriminator.size)} of the discriminators, ${count(facts.clips)} clips`,
      describeLosses(options),
    ],
    draw,
    async run(states, { sound }, step): Promise<StepResult> {
      const adversarial = isAdversarial(step);
      const { model, discriminator } = states as Readonly<Record<"model" | "discriminator", StateTensors>>;
      const result = await programs[Number(adversarial)]!(
        { model, ...(adversarial && { discriminator }) },
        sound,
        // The discriminators' first step is the first one of their optimiser.
        { model: scalarsAt(step), discriminator: scalarsAt(step - options.adversarial_from) },
        constants,
      );
      const { loss, ...losses } = await numbersOf(result.log);
      const norms = await Promise.all(
        Object.values(result.squares).map(async (squares) =>
          Math.sqrt(sumOf(await numbersOf(Object.fromEntries(squares!.entries())))),
        ),
      );
      const norm = Object.fromEntries(Object.keys(result.squares).map((set, i) => [set, norms[i]!]));
      return {
        state: { model: result.states.model, discriminator: result.states.discriminator ?? discriminator },
        loss: loss!,
        gradient: Math.hypot(...norms),
        overflowed: false,
        log: {
          loss: loss!,
          gradient_norm: norm.model!,
          ...losses,
          ...(norm.discriminator !== undefined && { "discriminator/gradient_norm": norm.discriminator }),
          learning_rate: learningRate(options.optimizer, step),
        },
      };
    },
    runaway: () => undefined,
    ...copies,
    async dispose() {
      for (const program of programs) await program.dispose();
      await copies.dispose();
    },
  };
}
