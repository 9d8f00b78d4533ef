import { CmmdError, type Context, type Features, type MetricBody } from "@cmmd/core";
import { frechetDistance, type Observations } from "./frechet.js";
import type { FrechetLogMelOptions } from "./options.js";

const version = "frechet-log-mel 1";

/** The frames of all clips as observations, one dimension per band. */
function pooled(clips: readonly Features[]): Observations {
  const bins = clips[0]!.bins;
  const count = clips.reduce((sum, { frames }) => sum + frames, 0);
  const data = new Float64Array(count * bins);
  let at = 0;
  for (const clip of clips) {
    data.set(clip.data.subarray(0, clip.frames * bins), at);
    at += clip.frames * bins;
  }
  return { count, dimensions: bins, data };
}

function check(features: Features, what: string, bins: number): void {
  if (features.bins !== bins)
    throw new CmmdError("CMMD601", `frechet-log-mel: ${what} has ${features.bins} bands, others have ${bins}`, {
      hint: "Generate and prepare with the same features: run the pipeline again from the stage that differs.",
    });
  if (!features.data.every(Number.isFinite))
    throw new CmmdError("CMMD602", `frechet-log-mel: ${what} has values that are not finite`, {
      hint: "Look at the training losses: weights that are not finite give such a sound.",
    });
}

const framesIn = (clips: readonly Features[]) => clips.reduce((sum, { frames }) => sum + frames, 0);

/** Mean distance of random halves of the reference clips: how small the figure gets for sounds that do belong together. */
function halves(reference: readonly Features[], splits: number, context: Context): number | undefined {
  if (reference.length < 2) return undefined;
  let sum = 0;
  for (let split = 0; split < splits; split++) {
    const random = context.random("frechet-log-mel halves", split);
    const order = [...reference];
    for (let i = order.length - 1; i > 0; i--) {
      const j = random.integer(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    const middle = order.length >> 1;
    sum += frechetDistance(pooled(order.slice(0, middle)), pooled(order.slice(middle)));
  }
  return sum / splits;
}

export const frechetLogMel: MetricBody<FrechetLogMelOptions> = {
  async compute({ splits }, items, context) {
    const sides = { generated: [] as Features[], reference: [] as Features[] };
    for (const item of items) {
      context.signal.throwIfAborted();
      for (const side of ["generated", "reference"] as const) {
        const features = await item[side].features();
        sides[side].push(features);
        check(features, `the ${side} sound of clip ${item.id}`, sides.generated[0]!.bins);
      }
    }
    const { generated, reference } = sides;
    const depends = {
      what: "Frechet distance between Gaussians of log-mel frames. NOT FAD: no learned embedding; not comparable with published figures.",
      version,
      observations: "log-mel frames of all clips pooled",
      covariance_divisor: "n - 1",
      control: `mean over ${splits} random halves of the reference clips, one half against the other (half as many clips)`,
      clips: items.length,
      bands: reference[0]?.bins ?? 0,
      generated_frames: framesIn(generated),
      reference_frames: framesIn(reference),
    };
    if (items.length === 0) return { values: [], depends };
    const value = frechetDistance(pooled(generated), pooled(reference));
    const control = halves(reference, splits, context);
    return { values: [{ name: "frechet_log_mel_not_fad", value, better: "lower", control }], depends };
  },
};
