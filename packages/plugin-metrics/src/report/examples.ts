import { readFile } from "node:fs/promises";
import { CmmdError, type FeatureDefinition, type ReportInput } from "@cmmd/core";
import { html, type Markup } from "./markup.js";
import { figure, words } from "./metric-table.js";
import { commonRange, spectrogram } from "./spectrogram.js";

type Group = ReportInput["groups"][number];
type Item = Group["items"][number];

/** How the two sides are called. `events`: whether the generated side is made for the clip, so that its events apply to it. */
const captions: Readonly<
  Record<string, { readonly generated: string; readonly reference: string; readonly events: boolean }>
> = {
  v2a: { generated: "Original picture, generated sound", reference: "Original", events: true },
  a2v: { generated: "Generated picture, original sound", reference: "Original", events: true },
  joint: { generated: "Generated picture and sound", reference: "A real clip, not its counterpart", events: false },
  copy: { generated: "Sound made from the original's features", reference: "Original", events: true },
};
const otherCaption = { generated: "Generated", reference: "Original", events: true };

/** The clip inside the page: a film, or sound alone. */
async function player(path: string, id: string): Promise<Markup> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new CmmdError("CMMD610", `report: the video of clip ${id} cannot be read: ${path}`, {
      hint: "Generate it again: the folder of the `generate` stage is not complete.",
      cause,
    });
  });
  const base64 = bytes.toString("base64");
  return path.endsWith(".wav")
    ? html`<audio controls preload="auto" src="data:audio/wav;base64,${base64}"></audio>`
    : html`<video controls playsinline preload="auto" src="data:video/mp4;base64,${base64}"></video>`;
}

async function example(item: Item, task: string, definition: FeatureDefinition): Promise<Markup> {
  const caption = captions[task] ?? otherCaption;
  const { generated, reference, control } = item;
  const range = commonRange([generated, reference, ...(control ? [control] : [])].map(({ features }) => features));
  const side = async (name: "generated" | "reference" | "control", { video, features }: Item["generated"]) => {
    const events = name === "reference" || caption.events ? item.events : [];
    return html`<figure class="${name}">
<figcaption>${name === "control" ? `For comparison: ${control?.name}` : caption[name]}</figcaption>
${await player(video, item.id)}
${await spectrogram(features, range, events, definition)}
</figure>`;
  };
  const figures = Object.entries(item.perItem).map(
    ([name, value]) => html`<span class="chip">${words(name)} <strong>${figure(value)}</strong></span>`,
  );
  return html`<article class="clip">
<header><h3>${item.id}</h3>${figures}<button type="button" class="turns" hidden>▶ Play in turn</button></header>
<div class="pair">${await side("generated", generated)}${await side("reference", reference)}${control && (await side("control", control))}</div>
</article>`;
}

/** A section for a generation group with its first `count` clips. */
export async function groupSection(group: Group, count: number, definition: FeatureDefinition): Promise<Markup> {
  const shown = group.items.slice(0, count);
  const clips: Markup[] = [];
  for (const item of shown) clips.push(await example(item, group.task, definition));
  const note =
    shown.length < group.items.length &&
    html`<p class="quiet">${shown.length} of ${group.items.length} clips are shown.</p>`;
  return html`<section id="group-${group.name}"><h2>${group.name}</h2><p class="quiet">task ${group.task} · ${group.settings}</p>${note}${clips}</section>`;
}
