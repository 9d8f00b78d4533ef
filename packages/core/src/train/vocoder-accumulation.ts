import type { DeviceTensor, HostTensor } from "@cmmd/jit";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import { sizeOf } from "../plugin/tensors.js";
import { jitOptions } from "../stages/computing.js";
import type { StageInput } from "../stages/stage.js";
import { rowsOf } from "./batches.js";
import type { Layout } from "./buckets.js";
import type { States, StateTensors } from "./objective.js";
import { normsOf, numbersOf } from "./scalars.js";
import { type constantsOf, type VocoderParts, vocoderPartPrograms } from "./vocoder-program.js";
import type { VocoderStep } from "./vocoder-steps.js";

type Sums = readonly (HostTensor | DeviceTensor)[];
type Added = Readonly<{ sums: readonly DeviceTensor[]; log: Readonly<Record<string, DeviceTensor>> }>;

const zerosOf = ({ buckets }: Layout): Sums =>
  buckets.map(({ shape }) => ({ shape, data: new Float32Array(sizeOf(shape)) }));
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

  /** The sums of what each part of the batch gives, and of their scalars. */
  async function summed(sound: HostTensor, layout: Layout, add: (sums: Sums, part: HostTensor) => Promise<Added>) {
    const size = batch / accumulate;
    const log: Record<string, number> = {};
    let sums = zerosOf(layout);
    for (let from = 0; from < batch; from += size) {
      const result = await add(sums, rowsOf(sound, from, from + size));
      sums = result.sums;
      for (const [name, value] of Object.entries(await numbersOf(result.log))) log[name] = (log[name] ?? 0) + value;
    }
    return { sums, log };
  }

  return {
    /** Takes one step: the discriminators', where they are in force, and then the vocoder's. */
    async take({ model, discriminator }: States, [step]: readonly VocoderStep[]) {
      const { adversarial, args } = step!;
      const [sound, scalars] = args;
      const own = parametersOf(model!);
      const before = parametersOf(discriminator!);
      const theirs = adversarial
        ? await summed(sound, layouts.discriminator, (sums, part) => judging(sums, own, before, part, constants))
        : undefined;
      const judged = theirs && (await update(discriminator!, theirs.sums, scalars.discriminator));
      const judges = judged ? { before, after: parametersOf(judged.state) } : {};
      const made = await summed(sound, layouts.model, (sums, part) => making(sums, own, judges, part, constants));
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
