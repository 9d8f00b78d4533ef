import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readShards, type ShardRow, type Shards } from "../data/shards.js";
import { CmmdError } from "../errors.js";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import type { Features } from "../plugin/media.js";
import type { NamedTensor } from "../plugin/tensors.js";
import { waveFile } from "../sample/wave-file.js";
import { jitOptions } from "../stages/computing.js";
import { spreadRows } from "../stages/sound-rows.js";
import type { StageInput } from "../stages/stage.js";
import type { States } from "./objective.js";
import { numbersOf } from "./scalars.js";
import { spectrogramPng } from "./spectrogram-png.js";
import { type constantsOf, copyProgram, type VocoderParts } from "./vocoder-program.js";

function heldOut(shards: Shards, count: number): ShardRow[] {
  const found = ["validation", "test"].map((split) => spreadRows(shards, split, count)).find((rows) => rows.length > 0);
  if (found) return found;
  throw new CmmdError("CMMD525", "there is no clip to validate with: the dataset has no split validation or test", {
    hint: "Remove train.validate, or change the dataset's options so that it has such a split.",
  });
}

/** Both spectrograms in one picture, the original's above. */
function pairOf(real: NamedTensor, made: NamedTensor): Features {
  const [, frames, bins] = real.shape as [number, number, number];
  const gap = 2;
  const rows = 2 * bins + gap;
  const loudest = (real.data as Float32Array).reduce((most, value) => Math.max(most, value));
  const data = new Float32Array(frames * rows).fill(loudest);
  for (let frame = 0; frame < frames; frame++) {
    const part = ({ data: own }: NamedTensor) => (own as Float32Array).subarray(frame * bins, (frame + 1) * bins);
    data.set(part(made), frame * rows);
    data.set(part(real), frame * rows + bins + gap);
  }
  return { frames, bins: rows, data };
}

/**
 * Copies of sounds by the averaged weights: the validation of `train.validate`, and the samples of `train.samples`, `samples/step-N/CLIP.wav`
 * beside `CLIP.original.wav` and `CLIP.png` (both spectrograms, the original's above). Either is undefined when the pipeline asks for none.
 */
export async function openVocoderCopies(
  input: StageInput<VocoderPipeline>,
  parts: VocoderParts,
  constants: ReturnType<typeof constantsOf>,
) {
  const { pipeline, context, inputs } = input;
  const { validate, samples } = pipeline.train;
  const shards = await readShards(inputs.prepare!);
  const program = copyProgram(pipeline, jitOptions(input), parts);
  const validated = validate ? heldOut(shards, validate.clips) : [];
  const sampled = samples ? spreadRows(shards, samples.split, samples.count) : [];
  if (samples && sampled.length === 0)
    throw new CmmdError("CMMD530", `train.samples: there is no clip in the split "${samples.split}"`, {
      hint: "Choose another split.",
    });

  /** The clip and what the program gives of it: tensors on the device. */
  async function copy(states: States, { id }: ShardRow) {
    const { data } = await shards.tensor(id, "waveform");
    const sound = data as Float32Array;
    const averaged = states.model!.buckets.map(({ ema }) => ema);
    const { made, features, distances } = await program(averaged, { shape: [1, sound.length], data: sound }, constants);
    const read = async (tensor: typeof made): Promise<NamedTensor> => {
      const { shape, data: values } = await tensor.read();
      tensor.dispose();
      return { shape, data: values as Float32Array };
    };
    return {
      sound,
      made: (await read(made)).data as Float32Array,
      features: { real: await read(features.real), made: await read(features.made) },
      distances: await numbersOf(distances),
    };
  }

  return {
    ...(validate && {
      validate: {
        every: validate.every,
        async run(states: States): Promise<Record<string, number>> {
          const sums: Record<string, number> = {};
          for (const row of validated) {
            context.signal.throwIfAborted();
            const { distances } = await copy(states, row);
            for (const [name, value] of Object.entries(distances))
              sums[`validation/${name}`] = (sums[`validation/${name}`] ?? 0) + value / validated.length;
          }
          return sums;
        },
      },
    }),
    ...(samples && {
      preview: {
        every: samples.every,
        async run(states: States, step: number): Promise<void> {
          const folder = join(context.folder, "samples", `step-${step}`);
          mkdirSync(folder, { recursive: true });
          const { rate } = parts.definition;
          for (const row of sampled) {
            context.signal.throwIfAborted();
            const { sound, made, features } = await copy(states, row);
            const path = join(folder, row.id);
            writeFileSync(`${path}.wav`, waveFile({ rate, samples: made }));
            writeFileSync(`${path}.original.wav`, waveFile({ rate, samples: sound }));
            writeFileSync(`${path}.png`, spectrogramPng(pairOf(features.real, features.made)));
          }
        },
      },
    }),
    dispose: () => program.dispose(),
  };
}
