import { join } from "node:path";
import { CmmdError, readTable, type Split } from "@cmmd/core";

/** A sound that EPIC-SOUNDS annotates; times in seconds from the beginning of the video. */
export interface Annotation {
  readonly id: string;
  readonly participant: string;
  readonly video: string;
  readonly start: number;
  readonly stop: number;
  /** Undefined in the test list, which has no labels. */
  readonly class: string | undefined;
}

const files: Readonly<Record<Split, string>> = {
  train: "EPIC_Sounds_train.csv",
  validation: "EPIC_Sounds_validation.csv",
  test: "EPIC_Sounds_recognition_test_timestamps.csv",
};
const columns = ["annotation_id", "participant_id", "video_id", "start_timestamp", "stop_timestamp"] as const;

/** The annotations of a split, in the list's order. Throws CMMD580 and CMMD581. */
export async function readAnnotations(folder: string, split: Split): Promise<Annotation[]> {
  const path = join(folder, files[split]);
  const wanted: readonly ((typeof columns)[number] | "class")[] = split === "test" ? columns : [...columns, "class"];
  return (await readTable(path, wanted)).map((row) => {
    const [start, stop] = [seconds(row.start_timestamp), seconds(row.stop_timestamp)];
    if (!(stop > start))
      throw new CmmdError("CMMD581", `"${path}" is not in the dataset's form: the times of ${row.annotation_id}`, {
        hint: "They should be like 00:00:02.069, the end after the beginning. Download the annotations again.",
      });
    const { annotation_id: id, participant_id: participant, video_id: video } = row;
    return { id, participant, video, start, stop, class: row.class };
  });
}

/** Seconds of HH:MM:SS.mmm; not a number for anything else. */
function seconds(timestamp: string): number {
  const parts = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(timestamp);
  return parts ? Number(parts[1]) * 3600 + Number(parts[2]) * 60 + Number(parts[3]) : Number.NaN;
}
