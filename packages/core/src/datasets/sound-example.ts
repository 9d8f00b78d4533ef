import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import { waveFile } from "../sample/wave-file.js";
import type { SoundChain } from "../stages/sound-chain.js";
import type { StageInput } from "../stages/stage.js";
import type { Usable } from "./survey.js";

/** The first clip of a recording as a WAV file, at the prepared rate; its path. */
export async function soundExample(
  { pipeline, context, component }: StageInput<VocoderPipeline>,
  { rate, audioFilters }: SoundChain,
  { recording, duration }: Usable,
  number: number,
) {
  const { codec: used } = pipeline.prepare;
  const codec = await component("codecs", used.use);
  const request = {
    path: recording.sound ?? recording.media,
    start: recording.start ?? 0,
    duration: Math.min(pipeline.data.clip.samples / rate, duration),
    videoFilters: [],
    audioFilters,
    only: "audio",
    signal: context.signal,
  } as const;
  const { waveform } = await codec.decode(request, used.options, context);
  const path = join(context.folder, `example-${number}.wav`);
  await writeFile(path, waveFile(waveform));
  return path;
}
