/** Seconds on either side over which a peak must be the largest value, and over which it must stand out from the mean. */
const neighbourhood = 0.03;
const surroundings = { before: 0.1, after: 0.07 };

/**
 * Frames (fractional, by a parabola through the peak) at which `flux` has a local maximum that exceeds the mean of its surroundings by
 * `threshold`, at least `gap` seconds apart; of two that are closer, the higher one stays. `hop`: seconds per frame.
 */
export function pickPeaks(
  flux: Float32Array,
  { threshold, hop, gap }: { readonly threshold: number; readonly hop: number; readonly gap: number },
): number[] {
  const reach = Math.round(neighbourhood / hop);
  const candidates: number[] = [];
  for (let t = 0; t < flux.length; t++) {
    const value = flux[t]!;
    if (value < threshold) continue;
    const near = flux.subarray(Math.max(0, t - reach), t + reach + 1);
    if (value < Math.max(...near) || (t > 0 && flux[t - 1] === value)) continue;
    const around = flux.subarray(
      Math.max(0, t - Math.round(surroundings.before / hop)),
      t + Math.round(surroundings.after / hop) + 1,
    );
    if (value - around.reduce((sum, x) => sum + x, 0) / around.length >= threshold) candidates.push(t);
  }
  const kept: number[] = [];
  for (const t of candidates.sort((a, b) => flux[b]! - flux[a]!))
    if (kept.every((other) => Math.abs(other - t) * hop >= gap)) kept.push(t);
  return kept.sort((a, b) => a - b).map((t) => t + vertex(flux[t - 1] ?? 0, flux[t]!, flux[t + 1] ?? 0));
}

/** Offset in (-0.5, 0.5) of the top of the parabola through three values whose middle one is the largest. */
function vertex(left: number, middle: number, right: number): number {
  const curvature = left - 2 * middle + right;
  return curvature < 0 ? (left - right) / (2 * curvature) : 0;
}
