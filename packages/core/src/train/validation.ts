import { evenly } from "../data/evenly.js";
import { CmmdError } from "../errors.js";
import { openNegatives } from "../negatives/mixture.js";
import type { ModelBody } from "../plugin/components.js";
import { openClips } from "../stages/clips.js";
import { jitOptions } from "../stages/computing.js";
import type { StageInput } from "../stages/stage.js";
import type { Layout } from "./buckets.js";
import { type Drawing, drawDiffusion, scheduleOf } from "./drawing.js";
import { lossesAt, type TimedLoss } from "./losses.js";
import type { States } from "./objective.js";
import { programName, programsByName, validationProgram } from "./program.js";
import { numbersOf } from "./scalars.js";

/** Keeps validation's random numbers apart from those of training, whose seeds have 32 bits as well. */
const ownSeed = (seed: number) => (seed ^ 0x5bd1e995) >>> 0;

/** Clips that are not trained on: of the split `validation`, else `test`. */
async function heldOut(input: StageInput, count: number) {
  for (const split of ["validation", "test"]) {
    const { clips, shape } = await openClips(input, [split]);
    if (clips.length > 0) return { shape, clips: evenly(clips, count) };
  }
  throw new CmmdError("CMMD525", "there is no clip to validate with: the dataset has no split validation or test", {
    hint: "Remove train.validate, or change the dataset's options so that it has such a split.",
  });
}

/**
 * The validation of `train.validate`: the losses in force, with the averaged weights, over clips that are not learnt from. Noise, diffusion
 * steps and negatives are the same every time, so that the values of one curve can be compared.
 */
export async function openValidation(
  input: StageInput,
  model: ModelBody<unknown>,
  layout: Layout,
  losses: readonly TimedLoss[],
) {
  const { pipeline } = input;
  const { validate, batch: trained, accumulate } = pipeline.train;
  if (!validate) return undefined;
  const { clips, shape } = await heldOut(input, validate.clips);
  const batch = Math.min(trained / accumulate, clips.length);
  const batches = Math.floor(clips.length / batch);
  const drawing: Drawing = {
    clips,
    shape,
    schedule: scheduleOf(pipeline),
    seed: ownSeed(pipeline.seed),
    order: (position) => position,
    negative: await openNegatives(input, clips),
  };
  const programs = programsByName<ReturnType<typeof validationProgram>>();
  return {
    every: validate.every,
    async run({ model: state }: States, step: number): Promise<Record<string, number>> {
      const active = lossesAt(losses, step - 1);
      const make = () => validationProgram(pipeline, jitOptions(input), model, layout, active);
      const program = programs.of(programName(active), make);
      const averaged = state!.buckets.map(({ ema }) => ema);
      const sums: Record<string, number> = {};
      for (let i = 0; i < batches; i++) {
        const { tensors, drawn } = drawDiffusion(drawing, active, i, batch);
        const values = await numbersOf(await program(averaged, tensors, drawn));
        for (const [name, value] of Object.entries(values)) sums[name] = (sums[name] ?? 0) + value / batches;
        input.context.signal.throwIfAborted();
      }
      return Object.fromEntries(Object.entries(sums).map(([name, value]) => [`validation/${name}`, value]));
    },
    dispose: () => programs.dispose(),
  };
}
