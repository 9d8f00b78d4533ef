import { CmmdError } from "../errors.js";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import type { Modality } from "../plugin/clips.js";
import type { Arrays } from "../plugin/components.js";

/** Root mean square, in units of a modality's scale, at which samples have left all bounds. */
const largest = 30;
/** Below this alphaBar an estimate of x0 is divided by so small a signal that its size says nothing. */
const visible = 0.01;

const modalities = ["video", "audio"] as const;

/** Throws CMMD532 as soon as samples are no longer finite or grow beyond all bounds. `where`: e.g. `evaluation 3 of 25`. */
export function boundsOf({ diffusion: { scale } }: ResolvedPipeline, generation: string, advice: string) {
  const check = (values: Float32Array, modality: Modality, where: string) => {
    let squares = 0;
    for (const value of values) squares += value * value;
    const size = Math.sqrt(squares / values.length);
    if (size <= largest * Math.max(1, scale[modality])) return;
    const what = Number.isFinite(size) ? `grew to ${size.toPrecision(3)} (root mean square)` : "are no longer finite";
    throw new CmmdError("CMMD532", `the ${modality} samples of the generation "${generation}" ${what} at ${where}`, {
      hint: advice,
    });
  };
  return {
    /** The samples before a step, or at the end. */
    check(values: Arrays, where: string): void {
      for (const modality of modalities) check(values[modality], modality, where);
    },
    /** Estimates of x0; without a visible signal they are passed over, and show in the samples of the next step. */
    checkEstimate(x0: Arrays, alphaBar: number, where: string): void {
      if (alphaBar > visible) this.check(x0, where);
    },
  };
}
