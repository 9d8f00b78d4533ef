import type { FeatureDefinition, Features } from "@cmmd/core";
import sharp from "sharp";
import { heat } from "./colormap.js";
import { html, type Markup } from "./markup.js";

/** What black and the brightest colour stand for. */
export type Range = readonly [low: number, high: number];

/** The range of several spectrograms together, outliers left out: 5 % of the values are darker, 0.2 % brighter. */
export function commonRange(spectrograms: readonly Features[]): Range {
  const values = Float32Array.from(spectrograms.flatMap(({ data }) => [...data].filter(Number.isFinite))).sort();
  if (values.length === 0) return [0, 1];
  const low = values[Math.floor(0.05 * (values.length - 1))]!;
  const high = values[Math.ceil(0.998 * (values.length - 1))]!;
  return high > low ? [low, high] : [low, low + 1];
}

/** PNG of feature frames, time to the right, low bands at the bottom, one pixel per value. */
export async function spectrogramPng({ frames, bins, data }: Features, [low, high]: Range): Promise<Buffer> {
  const pixels = Buffer.alloc(frames * bins * 3);
  for (let frame = 0; frame < frames; frame++)
    for (let bin = 0; bin < bins; bin++) {
      const level = (data[frame * bins + bin]! - low) / (high - low);
      const colour = 3 * Math.round(255 * Math.min(1, Math.max(0, Number.isFinite(level) ? level : 0)));
      pixels.set(heat.subarray(colour, colour + 3), ((bins - 1 - bin) * frames + frame) * 3);
    }
  return sharp(pixels, { raw: { width: frames, height: bins, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/** Spectrogram with a time axis in seconds and a tick at every event. */
export async function spectrogram(
  features: Features,
  range: Range,
  events: readonly number[],
  { hop, rate }: Pick<FeatureDefinition, "hop" | "rate">,
): Promise<Markup> {
  const duration = (features.frames * hop) / rate;
  const percent = (time: number) => `${((100 * time) / duration).toFixed(2)}%`;
  const png = await spectrogramPng(features, range);
  const step = [0.5, 1, 2, 5, 10, 30, 60].find((candidate) => duration / candidate <= 6) ?? 120;
  const marks = Array.from({ length: Math.floor(duration / step + 1e-9) + 1 }, (_, i) => i * step);
  return html`<div class="spectrogram" data-duration="${duration}">
<img src="data:image/png;base64,${png.toString("base64")}" alt="Spectrogram of ${duration.toFixed(1)} s, low bands at the bottom">
<span class="head"></span>
<div class="events">${events
    .filter((time) => time >= 0 && time <= duration)
    .map((time) => html`<i style="left:${percent(time)}" title="event at ${time.toFixed(2)} s"></i>`)}</div>
<div class="axis">${marks.map((time) => html`<b style="left:${percent(time)}">${Number(time.toFixed(2))} s</b>`)}</div>
</div>`;
}
