import type { ReportInput } from "@cmmd/core";
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { html, Markup } from "./markup.js";

type Curve = ReportInput["curves"][string];

/** Points drawn at most; means of as many stretches stand for a longer curve. */
const mostPoints = 400;
/** Half the width of the bold line's window, as a part of the curve. */
const smoothing = 0.03;

function thinned(curve: Curve): Curve {
  const width = Math.ceil(curve.length / mostPoints);
  if (width <= 1) return curve;
  return Array.from({ length: Math.ceil(curve.length / width) }, (_, i) => {
    const stretch = curve.slice(i * width, (i + 1) * width);
    const mean = (of: (point: Curve[number]) => number) => stretch.reduce((sum, p) => sum + of(p), 0) / stretch.length;
    return { step: mean(({ step }) => step), value: mean(({ value }) => value) };
  });
}

/** Moving average over a triangular window around each point, so that the line does not lag. */
function smoothed(curve: Curve): Curve {
  const reach = Math.round(smoothing * curve.length);
  return curve.map(({ step }, at) => {
    let sum = 0;
    let weights = 0;
    for (let i = Math.max(0, at - reach); i <= Math.min(curve.length - 1, at + reach); i++) {
      const weight = reach + 1 - Math.abs(i - at);
      sum += weight * curve[i]!.value;
      weights += weight;
    }
    return { step, value: sum / weights };
  });
}

/** One small line chart as SVG, the curve thin and its moving average bold; logarithmic when it spans more than a factor of 20. */
function chart(name: string, curve: Curve): Markup {
  const points = thinned(curve.filter(({ value }) => Number.isFinite(value)));
  const values = points.map(({ value }) => value);
  const lowest = Math.min(...values);
  const logarithmic = lowest > 0 && Math.max(...values) > 20 * lowest;
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const svg = Plot.plot({
    document,
    width: 360,
    height: 200,
    marginLeft: 52,
    marginBottom: 34,
    x: { label: "step", nice: true, ticks: 5 },
    y: { label: null, grid: true, ticks: 5, ...(logarithmic ? { type: "log" as const, tickFormat: "~g" } : {}) },
    marks: [
      Plot.lineY(points, { x: "step", y: "value", stroke: "currentColor", strokeOpacity: 0.3, strokeWidth: 1 }),
      Plot.lineY(smoothed(points), { x: "step", y: "value", stroke: "var(--accent)", strokeWidth: 2 }),
    ],
  });
  return html`<figure class="chart"><figcaption>${name.replaceAll("_", " ")}${logarithmic && " (log scale)"}</figcaption>${new Markup(svg.outerHTML)}</figure>`;
}

/** A chart for every curve of at least two finite points. */
export function charts(curves: ReportInput["curves"]): Markup[] {
  return Object.entries(curves)
    .filter(([, curve]) => curve.filter(({ value }) => Number.isFinite(value)).length > 1)
    .map(([name, curve]) => chart(name, curve));
}
