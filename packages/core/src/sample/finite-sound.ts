import { CmmdError } from "../errors.js";
import type { Waveform } from "../plugin/media.js";

/** What a vocoder made of a clip. Throws CMMD539, which says of which one, when samples are not finite: FFmpeg would refuse them with less. */
export function finiteSound(waveform: Waveform, vocoder: string, clip: string): Waveform {
  const { rate, samples } = waveform;
  const at = samples.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return waveform;
  const place = `at ${(at / rate).toFixed(3)} s (sample ${at} of ${samples.length})`;
  throw new CmmdError(
    "CMMD539",
    `the sound that the vocoder "${vocoder}" made of ${clip} is not finite: ${place} it is ${samples[at]}`,
    { hint: "Use another vocoder, or other weights of this one." },
  );
}
