import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ReportBody, ReportInput } from "@cmmd/core";
import { charts } from "./curves.js";
import { groupSection } from "./examples.js";
import { html, Markup } from "./markup.js";
import { metricTable, verdict } from "./metric-table.js";
import type { HtmlReportOptions } from "./options.js";
import { script } from "./script.js";
import { style } from "./style.js";

const fileName = "report.html";

/** Nothing may be loaded from elsewhere: the page is the same on a machine without a network. */
const policy =
  "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

function page({ pipeline, groups, curves, facts }: ReportInput, sections: readonly Markup[]): Markup {
  const drawn = charts(curves);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${pipeline.name} – cmmd report</title>
<style>${new Markup(style)}</style>
</head>
<body>
<header class="top"><h1>${pipeline.name}</h1><p class="quiet">cmmd report</p>${verdict(groups)}
<nav>${groups.map(({ name }) => html`<a href="#group-${name}">${name}</a>`)}<a href="#training">training</a><a href="#facts">facts</a><a href="#pipeline">pipeline</a></nav></header>
<main>
<section id="metrics"><h2>Metrics</h2>${metricTable(groups)}</section>
${sections}
<section id="training"><h2>Training</h2>${drawn.length > 0 ? html`<div class="charts">${drawn}</div>` : html`<p class="quiet">No curve was recorded.</p>`}</section>
<section id="facts"><h2>Facts</h2><div class="scroll"><table class="facts"><tbody>${facts.map(({ name, value }) => html`<tr><th>${name}</th><td>${value}</td></tr>\n`)}</tbody></table></div></section>
<section id="pipeline"><h2>Pipeline</h2><details><summary>Resolved pipeline</summary><pre><code>${pipeline.resolved}</code></pre></details></section>
</main>
<script>${new Markup(script)}</script>
</body>
</html>
`;
}

export const htmlReport: ReportBody<HtmlReportOptions> = {
  async write({ examples }, input, context) {
    const sections: Markup[] = [];
    for (const [done, group] of input.groups.entries()) {
      context.signal.throwIfAborted();
      context.progress(done, input.groups.length, "groups");
      sections.push(await groupSection(group, examples, input.featureDefinition));
    }
    await writeFile(join(context.folder, fileName), page(input, sections).text);
    return fileName;
  },
};
