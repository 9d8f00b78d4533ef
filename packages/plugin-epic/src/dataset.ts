import { join, resolve } from "node:path";
import { type DatasetBody, type ListedRecording, listedDataset, requireFolder, type Split } from "@cmmd/core";
import { type Annotation, readAnnotations } from "./annotations.js";
import type { EpicOptions } from "./options.js";
import { stretchesOf } from "./stretches.js";
import { videoFiles } from "./videos.js";

/** The stretches of each video around the wanted sounds, with the beginnings of all sounds inside them as events. */
export const epicDataset: DatasetBody<EpicOptions> = listedDataset(async (options: EpicOptions, base) => {
  const root = resolve(base, options.root);
  await requireFolder(root);
  const fileOf = videoFiles(root, options);
  const listed: ListedRecording[] = [];
  for (const split of options.splits) {
    const annotations = await readAnnotations(join(root, options.annotations), split);
    const counted = annotations.filter((annotation) => !options.without?.includes(annotation.class as never));
    for (const own of byVideo(counted)) {
      const file = await fileOf(own[0]!);
      listed.push(...recordings(own, split, options).map((recording) => ({ ...recording, ...file })));
    }
  }
  return listed;
});

function byVideo(annotations: readonly Annotation[]): Iterable<Annotation[]> {
  const videos = new Map<string, Annotation[]>();
  for (const annotation of annotations) {
    const own = videos.get(annotation.video);
    if (own) own.push(annotation);
    else videos.set(annotation.video, [annotation]);
  }
  return videos.values();
}

/** The recordings of one video, `own` being all annotations of it that count. */
function recordings(own: readonly Annotation[], split: Split, options: EpicOptions) {
  const chosen = own.filter(
    ({ start, stop, class: name }) =>
      (options.classes === undefined || options.classes.includes(name as never)) && stop - start >= options.min_seconds,
  );
  return stretchesOf(chosen, options).map(({ start, stop, around }) => {
    const heard = own.map((annotation) => annotation.start).filter((time) => time >= start && time < stop);
    const labels = [...new Set(around.flatMap((annotation) => annotation.class ?? []))];
    return {
      id: around[0]!.id,
      start,
      duration: stop - start,
      split,
      events: heard.sort((a, b) => a - b),
      ...(labels.length > 0 && { label: labels }),
    };
  });
}
