import type { Json, MetricValue, ReportInput } from "@cmmd/core";
import { html, type Markup } from "./markup.js";

type Groups = ReportInput["groups"];

/** Three significant digits, without an exponent for ordinary sizes. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6)
    ? value.toExponential(2)
    : String(Number(value.toPrecision(size >= 100 ? Math.ceil(Math.log10(size + 1)) : 3)));
}

const spellings: Readonly<Record<string, string>> = { f1: "F1", fad: "FAD", abs: "absolute" };

/** `event_f1@100ms` as words. */
export function words(name: string): string {
  const [figure, at] = name.split("@");
  const spelt = figure!.split("_").map((word) => spellings[word] ?? word);
  return spelt.join(" ") + (at === undefined ? "" : ` at ${at.replace(/(\d)(?=[a-z])/, "$1 ")}`);
}

const arrows = { higher: "↑ higher is better", lower: "↓ lower is better" } as const;

function show(value: Json | undefined): string {
  if (typeof value === "number") return figure(value);
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
}

/** A bar from 0 to 1 with a mark at the control, for figures that are proportions. */
function bar({ value, control, unit, better }: MetricValue): Markup | undefined {
  if (unit !== undefined || better !== "higher" || value < 0 || value > 1) return undefined;
  const mark = control !== undefined && html`<i style="left:${(100 * control).toFixed(1)}%"></i>`;
  return html`<span class="bar"><b style="width:${(100 * value).toFixed(1)}%"></b>${mark}</span>`;
}

function cell(group: Groups[number], name: string): Markup {
  const result = group.metrics.find(({ result }) => result.values.some((value) => value.name === name))?.result;
  const value = result?.values.find((candidate) => candidate.name === name);
  if (!result || !value) return html`<td class="none">–</td>`;
  const unit = value.unit && html` <small>${value.unit}</small>`;
  const control =
    value.control !== undefined &&
    html`<small class="control" title="${show(result.depends.control)}">control ${figure(value.control)}</small>`;
  return html`<td><strong>${figure(value.value)}</strong>${unit}${control}${bar(value)}</td>`;
}

/** One row per figure, one column per group. */
export function metricTable(groups: Groups): Markup {
  const shown = groups.filter(({ metrics }) => metrics.some(({ result }) => result.values.length > 0));
  if (shown.length === 0) return html`<p class="quiet">No metric gave a figure.</p>`;
  const rows = new Map<string, { readonly value: MetricValue; readonly what: string }>();
  for (const { metrics } of shown)
    for (const { use, result } of metrics)
      for (const value of result.values)
        if (!rows.has(value.name)) rows.set(value.name, { value, what: `${use}: ${show(result.depends.what)}` });
  return html`<div class="scroll"><table class="metrics">
<thead><tr><th></th>${shown.map(({ name, items }) => html`<th>${name}<small>${items.length} ${items.length === 1 ? "clip" : "clips"}</small></th>`)}</tr></thead>
<tbody>${[...rows.values()].map(
    ({ value, what }) =>
      html`<tr><th title="${what}">${words(value.name)}${value.better && html`<small>${arrows[value.better]}</small>`}</th>${shown.map((group) => cell(group, value.name))}</tr>\n`,
  )}</tbody></table></div>
${dependencies(shown)}`;
}

/** What each metric's figures depend on, one folded table per metric. */
function dependencies(groups: Groups): Markup[] {
  const uses = [...new Set(groups.flatMap(({ metrics }) => metrics.map(({ use }) => use)))];
  return uses.map((use) => {
    const results = groups.flatMap(({ name, metrics }) =>
      metrics.filter((metric) => metric.use === use).map(({ result }) => ({ name, depends: result.depends })),
    );
    const keys = [...new Set(results.flatMap(({ depends }) => Object.keys(depends)))];
    const row = (key: string) => {
      const values = results.map(({ depends }) => show(depends[key]));
      const same = values.every((value) => value === values[0]);
      const cells = same
        ? html`<td colspan="${results.length}">${values[0]}</td>`
        : values.map((value) => html`<td>${value}</td>`);
      return html`<tr><th>${key.replaceAll("_", " ")}</th>${cells}</tr>\n`;
    };
    return html`<details><summary>What <code>${use}</code> depends on</summary><div class="scroll"><table class="facts">
<thead><tr><th></th>${results.map(({ name }) => html`<th>${name}</th>`)}</tr></thead><tbody>${keys.map(row)}</tbody></table></div></details>`;
  });
}

/** The headline figures of every group in words. */
export function verdict(groups: Groups): Markup {
  const lines = groups.flatMap(({ name, metrics }) => {
    const values = metrics.flatMap(({ result }) => result.values.slice(0, 1));
    if (values.length === 0) return [];
    const parts = values.map(
      ({ name: metric, value, control, unit }) =>
        html`${words(metric)} <strong>${figure(value)}</strong>${unit && ` ${unit}`}${control !== undefined && ` (control ${figure(control)})`}`,
    );
    return [html`<li><em>${name}</em> ${parts.map((part, i) => html`${i > 0 && " · "}${part}`)}</li>`];
  });
  return html`<ul class="verdict">${lines}</ul>`;
}
