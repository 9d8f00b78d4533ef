import type { ShardRow } from "../data/shards.js";
import type { Context } from "../plugin/context.js";

/** Samples in a row at the largest value by which a sound counts as clipped: a single one may be a true peak. */
const clippedRun = 3;
const fullScale = 0.999;
/** -80 dB: below the noise of any microphone, above the rounding of 16 bits. */
const silence = 1e-4;

/** What is odd about a clip's sound, in its line of the index. */
interface SoundFaults {
  readonly clipped?: true;
  readonly silent?: true;
}

/** Whether the sound stays at its largest possible value, as it does where a recorder or a mix was too loud. */
function isClipped(samples: Float32Array): boolean {
  let run = 0;
  for (const value of samples) {
    run = Math.abs(value) >= fullScale ? run + 1 : 0;
    if (run >= clippedRun) return true;
  }
  return false;
}

export function soundFaults(samples: Float32Array): SoundFaults {
  return {
    ...(isClipped(samples) && { clipped: true }),
    ...(samples.every((value) => Math.abs(value) < silence) && { silent: true }),
  };
}

/** Says in which clips the sound is odd: they are used as they are, and a network learns from them. */
export function reportSoundFaults(rows: readonly ShardRow[], { warn }: Pick<Context, "warn">) {
  const count = (fault: keyof SoundFaults, says: string) => {
    const found = rows.filter((row) => row[fault] === true);
    const recordings = [...new Set(found.map(({ recording }) => String(recording)))];
    const more = recordings.length > 5 ? ` and ${recordings.length - 5} more recordings` : "";
    if (found.length > 0)
      warn(
        `${found.length} of ${rows.length} clips ${says}; where that is not wanted, remove the recordings: ${recordings.slice(0, 5).join(", ")}${more}`,
      );
    return found.length;
  };
  return {
    clipped: count("clipped", "hold clipped sound, which a vocoder learns to make"),
    silent: count("silent", "are silent, of which it learns nothing"),
  };
}
