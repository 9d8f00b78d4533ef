import type { Recording, Split } from "../plugin/clips.js";
import type { MediaInfo } from "../plugin/media.js";
import { tooShort, windowsOf } from "../stages/windows.js";

/** What a file says about itself, or why it cannot be used. */
export type Probed = { readonly info: MediaInfo } | { readonly code: string; readonly reason: string };

/** How many recordings have a value in common. */
interface Count {
  readonly value: string;
  readonly recordings: number;
}
/** Recordings that `prepare` would reject for one reason, with the first of them. */
interface Rejected extends Count {
  readonly code: string;
  readonly first: string;
  readonly reason: string;
}

/** What a dataset holds, by what its files say about themselves; nothing is decoded. */
export interface Survey {
  readonly recordings: number;
  readonly files: number;
  readonly clips: number;
  readonly hours: number;
  readonly events: number;
  readonly splits: readonly (Count & { readonly clips: number; readonly hours: number })[];
  readonly classes: readonly Count[];
  /** Frames per second, picture sizes and sounds of the files as they are; of the pictures nothing where only the sound is used. */
  readonly rates: readonly Count[];
  readonly resolutions: readonly Count[];
  readonly sounds: readonly Count[];
  readonly rejected: readonly Rejected[];
}

/** A recording that can be used, and how long it is, in seconds. */
export interface Usable {
  readonly recording: Recording;
  readonly info: MediaInfo;
  readonly duration: number;
  readonly clips: number;
}

/** How recordings become clips. */
export interface Cut {
  /** Whether only the sound is used. */
  readonly soundOnly: boolean;
  /** Clips of so many seconds of a recording; where there are none, why. */
  clipsOf(recording: Recording, duration: number): number | string;
}

interface FilmClip {
  readonly frames: number;
  readonly every: number;
  readonly context: number;
}

/** Clips of `frames` pictures at `rate` per second. */
export const filmCut = (clip: FilmClip, rate: number): Cut => ({
  soundOnly: false,
  clipsOf: (recording, duration) =>
    windowsOf(recording.id, duration, rate, clip).length || tooShort(recording, duration, clip.frames, rate),
});

const reasons: Readonly<Record<string, string>> = {
  CMMD301: "cannot be read",
  CMMD302: "no sound",
  CMMD303: "no picture",
  CMMD310: "too short for a clip",
};

const layouts: Readonly<Record<number, string>> = { 1: "mono", 2: "stereo" };

/** Files of a recording that clips are made of. */
export const filesOf = ({ media, sound }: Recording, { soundOnly }: Cut): string[] =>
  soundOnly ? [sound ?? media] : [media, sound ?? []].flat();

/** Counts everything. `probed` has every file's own account. */
export function surveyOf(
  recordings: readonly Recording[],
  probed: ReadonlyMap<string, Probed>,
  cut: Cut,
): { readonly survey: Survey; readonly usable: readonly Usable[] } {
  const usable: Usable[] = [];
  const refused: { readonly recording: Recording; readonly code: string; readonly reason: string }[] = [];
  for (const recording of recordings) {
    const files = filesOf(recording, cut);
    const [own, heard] = [probed.get(files[0]!)!, probed.get(files.at(-1)!)!];
    const refuse = (code: string, reason: string) => refused.push({ recording, code, reason });
    if ("code" in own) refuse(own.code, own.reason);
    else if ("code" in heard) refuse(heard.code, heard.reason);
    else if (!own.info.video && !cut.soundOnly) refuse("CMMD303", `"${recording.media}" has no picture`);
    else if (!heard.info.audio) refuse("CMMD302", `"${recording.sound ?? recording.media}" has no sound`);
    else {
      const length = Math.min(own.info.duration, heard.info.duration) - (recording.start ?? 0);
      const duration = Math.min(recording.duration ?? length, length);
      const clips = cut.clipsOf(recording, duration);
      if (typeof clips === "string") refuse("CMMD310", clips);
      else usable.push({ recording, info: { ...own.info, audio: heard.info.audio }, duration, clips });
    }
  }
  const hours = (of: readonly Usable[]) => of.reduce((sum, { duration }) => sum + duration, 0) / 3600;
  const clips = (of: readonly Usable[]) => of.reduce((sum, one) => sum + one.clips, 0);
  const splits = (["train", "validation", "test"] as const satisfies readonly Split[]).flatMap((value) => {
    const own = usable.filter(({ recording }) => recording.split === value);
    return own.length > 0 ? [{ value, recordings: own.length, clips: clips(own), hours: hours(own) }] : [];
  });
  const pictures = cut.soundOnly ? [] : usable.map(({ info }) => info.video!);
  const survey: Survey = {
    recordings: recordings.length,
    files: probed.size,
    clips: clips(usable),
    hours: hours(usable),
    events: usable.reduce((sum, { recording }) => sum + (recording.events?.length ?? 0), 0),
    splits,
    classes: counts(usable.flatMap(({ recording }) => recording.label ?? [])),
    rates: counts(pictures.map(({ rate }) => `${Number(rate.toFixed(2))} fps`)),
    resolutions: counts(pictures.map(({ width, height }) => `${width}x${height}`)),
    sounds: counts(
      usable.map(
        ({ info }) =>
          `${info.audio!.rate} Hz ${layouts[info.audio!.channels] ?? `with ${info.audio!.channels} channels`}`,
      ),
    ),
    rejected: counts(refused.map(({ code }) => code)).map(({ value: code, recordings: count }) => {
      const { recording, reason } = refused.find((one) => one.code === code)!;
      return { code, value: reasons[code] ?? "cannot be used", recordings: count, first: recording.id, reason };
    }),
  };
  return { survey, usable };
}

/** How often each value comes, the most frequent first. */
function counts(values: readonly string[]): Count[] {
  const known = new Map<string, number>();
  for (const value of values) known.set(value, (known.get(value) ?? 0) + 1);
  return [...known]
    .map(([value, recordings]) => ({ value, recordings }))
    .sort((a, b) => b.recordings - a.recordings || (a.value < b.value ? -1 : 1));
}
