const videosPerParticipant = 20;
/** Of the samples that EPIC-SOUNDS counts in, Hz. */
const samplesPerMillisecond = 24;

/** Numbers of the EPIC-SOUNDS classes that the bench has. */
const classIds = {
  "metal-only collision": 0,
  "metal / wood collision": 10,
  background: 13,
  "metal / glass collision": 17,
  "wood-only collision": 21,
  "wood / glass collision": 39,
} as const;
export type EpicClass = keyof typeof classIds;

/** A sound as EPIC-SOUNDS annotates it; times in seconds. */
export interface EpicSound {
  readonly start: number;
  readonly stop: number;
  readonly description: string;
  readonly class: EpicClass;
}

/** Participant, video and file of the `index`-th recording as EPIC-KITCHENS names them. */
export function epicPlace(index: number): {
  readonly participant: string;
  readonly video: string;
  readonly media: string;
} {
  const two = (value: number) => String(value).padStart(2, "0");
  const participant = `P${two(1 + Math.floor(index / videosPerParticipant))}`;
  const video = `${participant}_${two(1 + (index % videosPerParticipant))}`;
  return { participant, video, media: `EPIC-KITCHENS/${participant}/videos/${video}.MP4` };
}

/** The annotations of the videos of one split as an EPIC-SOUNDS table. */
export function epicTable(
  videos: readonly { readonly video: string; readonly sounds: readonly EpicSound[] }[],
): string {
  const header =
    "annotation_id,participant_id,video_id,start_timestamp,stop_timestamp,start_sample,stop_sample,description,class,class_id";
  const rows = videos.flatMap(({ video, sounds }) =>
    sounds.map((sound, i) => {
      const start = Math.round(sound.start * 1000);
      const stop = Math.round(sound.stop * 1000);
      return [
        `${video}_${i}`,
        video.slice(0, video.indexOf("_")),
        video,
        ...[timestamp(start), timestamp(stop)],
        ...[start * samplesPerMillisecond, stop * samplesPerMillisecond],
        ...[sound.description, sound.class, classIds[sound.class]],
      ].join(",");
    }),
  );
  return `${[header, ...rows].join("\n")}\n`;
}

/** HH:MM:SS.mmm */
function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(11, 23);
}
