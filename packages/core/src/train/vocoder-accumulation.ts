import type { DeviceTensor, HostTensor } from "@cmmd/jit";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import { jitOptions } from "../stages/computing.js";
import type { StageInput } from "../stages/stage.js";
import { rowsOf } from "./batches.js";
import type { States, StateTensors } from "./objective.js";
import { normsOf } from "./scalars.js";
import { summed } from "./summed.js";
import { type constantsOf, type VocoderParts, vocoderPartPrograms } from "./vocoder-program.js";
import type { VocoderStep } from "./vocoder-steps.js";

const parametersOf = ({ buckets }: StateTensors) => buckets.map(({ parameters }) => parameters);

/** Frees what lies on the device. */
function release({ buckets }: StateTensors) {
  for (const tensor of buckets.flatMap((bucket) => Object.values(bucket) as readonly (HostTensor | DeviceTensor)[]))
    if ("dispose" in tensor) tensor.dispose();
}

/** Steps whose gradients are the sums of those of parts of the batch: `train.accumulate`. */
export function openVocoderAccumulation(
  input: StageInput<VocoderPipeline>,
  parts: VocoderParts,
  constants: ReturnType<typeof constantsOf>,
) {
  const { layouts } = parts;
  const { judging, making, update } = vocoderPartPrograms(input.pipeline, jitOptions(input), parts);
  const { accumulate, batch } = input.pipeline.train;

  return {
    /** Takes one step: the discriminators', where they are in force, and then the vocoder's. */
    async take({ model, discriminator }: States, [step]: readonly VocoderStep[]) {
      const { adversarial, args } = step!;
      const [sound, scalars] = args;
      const size = batch / accumulate;
      const sounds = Array.from({ length: accumulate }, (_, i) => rowsOf(sound, i * size, (i + 1) * size));
      const own = parametersOf(model!);
      const before = parametersOf(discriminator!);
      const theirs = adversarial
        ? await summed(layouts.discriminator, sounds, (sums, part) => judging(sums, own, before, part, constants))
        : undefined;
      const judged = theirs && (await update(discriminator!, theirs.sums, scalars.discriminator));
      const judges = judged ? { before, after: parametersOf(judged.state) } : {};
      const made = await summed(layouts.model, sounds, (sums, part) => making(sums, own, judges, part, constants));
      const updated = await update(model!, made.sums, scalars.model);
      release(model!);
      if (judged) release(discriminator!);
      const [norm] = await normsOf(updated.squares, 1);
      const [norms] = judged ? await normsOf(judged.squares, 1) : [];
      return {
        state: { model: updated.state, discriminator: judged ? judged.state : discriminator! },
        taken: [
          {
            log: { ...made.log, ...theirs?.log },
            norm: norm!,
            ...(norms !== undefined && { judges: norms }),
          },
        ],
      };
    },
    async dispose() {
      await Promise.all([judging.dispose(), making.dispose(), update.dispose()]);
    },
  };
}
