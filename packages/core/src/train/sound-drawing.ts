import { readShards } from "../data/shards.js";
import { stream } from "../diffusion/random.js";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import type { FeatureDefinition } from "../plugin/media.js";
import type { NamedTensor } from "../plugin/tensors.js";
import { biquad, filtered, randomBiquad } from "../signal/biquad.js";
import { readSoundDefinition } from "../stages/sound-definition.js";
import type { StageInput } from "../stages/stage.js";
import { clipOrder, stack } from "./batches.js";

/** What a step of a vocoder's training learns from: sound [B, segment]. */
export interface SoundBatch {
  readonly sound: NamedTensor;
}

/** What is known of the data before the first step. */
export interface SoundFacts {
  /** Training clips. */
  readonly clips: number;
  readonly definition: FeatureDefinition;
}

/** A filtered sound no louder than full scale: what exceeds it, a vocoder cannot make. */
function augmented(samples: Float32Array, seed: number, rate: number, step: number, item: number): Float32Array {
  const setting = randomBiquad(stream(seed, "biquad", step, item), rate);
  const sound = filtered(samples, biquad(setting, rate));
  const peak = sound.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return peak > 1 ? sound.map((value) => value / peak) : sound;
}

/** The training clips' number, and the segments of the steps: of each clip a stretch that begins anywhere. */
export async function openSoundDrawing({
  pipeline,
  inputs,
}: Pick<StageInput<VocoderPipeline>, "pipeline" | "inputs">): Promise<
  SoundFacts & { draw(step: number): Promise<SoundBatch> }
> {
  const { seed, train } = pipeline;
  const { segment, batch, augment } = train;
  const shards = await readShards(inputs.prepare!);
  const definition = readSoundDefinition(inputs.prepare!);
  const clips = shards.index.filter(({ split }) => split === "train");
  const order = clipOrder(seed, clips.length);
  const drawOne = async (step: number, item: number) => {
    const { id, samples } = clips[order(step * batch + item)]!;
    const { data } = await shards.tensor(id, "waveform");
    const room = Math.max(0, Number(samples) - segment);
    const start = stream(seed, "segment", step, item).integer(room + 1);
    const sound = (data as Float32Array).slice(start, start + segment);
    return augment === "biquad" ? augmented(sound, seed, definition.rate, step, item) : sound;
  };
  return {
    clips: clips.length,
    definition,
    async draw(step) {
      const rows = await Promise.all(Array.from({ length: batch }, (_, item) => drawOne(step, item)));
      return { sound: stack(rows, [segment]) };
    },
  };
}
