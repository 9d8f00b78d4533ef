import type { Annotation } from "./annotations.js";

/** A span of a video with the annotations that it was cut around; times in seconds. */
export interface Stretch {
  readonly start: number;
  readonly stop: number;
  readonly around: readonly Annotation[];
}

/** The spans of `context` seconds around each of one video's annotations, by time; those that overlap are one span when `join`. */
export function stretchesOf(
  annotations: readonly Annotation[],
  { context, join }: { readonly context: number; readonly join: boolean },
): Stretch[] {
  const stretches: Stretch[] = [];
  for (const annotation of annotations.toSorted((a, b) => a.start - b.start)) {
    const start = Math.max(0, annotation.start - context);
    const stop = annotation.stop + context;
    const last = stretches.at(-1);
    if (join && last && start <= last.stop)
      stretches[stretches.length - 1] = {
        start: last.start,
        stop: Math.max(last.stop, stop),
        around: [...last.around, annotation],
      };
    else stretches.push({ start, stop, around: [annotation] });
  }
  return stretches;
}
