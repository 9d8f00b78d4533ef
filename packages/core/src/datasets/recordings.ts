import { CmmdError } from "../errors.js";
import type { Recording } from "../plugin/clips.js";
import type { DatasetBody } from "../plugin/components.js";
import type { Context } from "../plugin/context.js";

/**
 * All that a dataset offers, each recording once: lists name some twice. Throws CMMD586 when recordings of different material have one id,
 * as the clips of the second would be taken for those of the first.
 */
export async function recordingsOf<O>(
  dataset: DatasetBody<O>,
  options: O,
  context: Context,
): Promise<readonly Recording[]> {
  const recordings = new Map<string, Recording>();
  const again: string[] = [];
  for await (const recording of dataset.clips(options, context)) {
    const { id, media, split } = recording;
    const first = recordings.get(id);
    if (first === undefined) recordings.set(id, recording);
    else if (spanOf(first) === spanOf(recording)) again.push(`"${id}" (${first.split}, then ${split})`);
    else
      throw new CmmdError(
        "CMMD586",
        `the dataset gives two recordings the id "${id}": of "${first.media}" and of "${media}"`,
        { hint: "Ids must be unique. See whether the lists name something twice, or mend the dataset's plugin." },
      );
  }
  if (again.length > 0)
    context.warn(`${again.length} recordings are named more than once and taken the first time, the first ${again[0]}`);
  return [...recordings.values()];
}

const spanOf = ({ media, sound, start, duration }: Recording) => JSON.stringify([media, sound, start, duration]);
