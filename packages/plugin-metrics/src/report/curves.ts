import type { ReportInput } from "@cmmd/core";
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { html, Markup } from "./markup.js";

type Curve = ReportInput["curves"][string];

/** Points drawn at most; means of as many stretches stand for a longer curve. */
const mostPoints = 400;
/** Part of the curve over which the bold line forgets. */
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

/** Exponential moving average that starts without bias. */
function smoothed(curve: Curve): Curve {
  const keep = 1 - 1 / Math.max(1, smoothing * curve.length);
  let sum = 0;
  let weight = 0;
  return curve.map(({ step, value }) => {
    sum = keep * sum + value;
    weight = keep * weight + 1;
    return { step, value: sum / weight };
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
  return html`<figure class="chart"><figcaption>${name}${logarithmic && " (log scale)"}</figcaption>${new Markup(svg.outerHTML)}</figure>`;
}

/** A chart for every curve of at least two finite points. */
export function charts(curves: ReportInput["curves"]): Markup[] {
  return Object.entries(curves)
    .filter(([, curve]) => curve.filter(({ value }) => Number.isFinite(value)).length > 1)
    .map(([name, curve]) => chart(name, curve));
}
