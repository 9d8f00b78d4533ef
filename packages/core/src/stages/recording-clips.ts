import { CmmdError } from "../errors.js";
import type { Modality, Recording } from "../plugin/clips.js";
import type { Decoded } from "../plugin/media.js";
import type { Chain } from "./chain.js";
import type { Decoders } from "./decoders.js";
import type { Job } from "./in-order.js";
import { rejectionOf } from "./rejections.js";
import type { StageInput } from "./stage.js";
import { type Cut, cutClips, tooShort, type Window, windowsOf } from "./windows.js";

/** Bytes of pictures and seconds that one run of the decoder gives at most: bounds memory, whatever the length of the file. */
const stretchBytes = 48 << 20;
const stretchSeconds = 120;
/** Windows of one run where the size of the pictures is not known beforehand. */
const stretchWindows = 32;
/** Seconds between two clips from which on seeking is cheaper than decoding what lies between. */
const longGap = 10;

/** What came of a stretch of a recording: clips (undefined where the media end before the clip does), or why there are none. */
export interface Stretch {
  readonly recording: Recording;
  readonly cuts: readonly (Cut | undefined)[];
  readonly failure?: CmmdError;
  /** How much of the recording is done with it. */
  readonly part: number;
}

export interface Wanted {
  readonly input: StageInput;
  readonly chained: Chain;
  /** Whether a clip is there already, and whether nothing of a recording is wanted any more. */
  has(clip: string): boolean;
  isRejected(recording: string): boolean;
  readonly decoders: Decoders;
}

/** Frames that one run of the decoder gives at most, where the size of the pictures is known beforehand. */
export function stretchFrames({ chained: { videoRate, size } }: Wanted): number | undefined {
  return size && Math.min(stretchSeconds * videoRate, stretchBytes / (size[0] * size[1] * 3));
}

/** Windows that are cut out of one run of the decoder. Depends on the pipeline alone: what is decoded together may show in the sound. */
function windowsPerStretch(wanted: Wanted): number {
  const { frames, every, context } = wanted.input.pipeline.data.clip;
  if (every - frames - 2 * context > longGap * wanted.chained.videoRate) return 1;
  const most = stretchFrames(wanted);
  if (most === undefined) return stretchWindows;
  return Math.max(1, Math.floor((most - frames - 2 * context) / every) + 1);
}

/** The windows of a recording in a file of `length` seconds. Throws CMMD310 when there are none. */
export function windowsUpTo({ input, chained }: Wanted, recording: Recording, length: number): readonly Window[] {
  const { clip } = input.pipeline.data;
  const duration = Math.min(recording.duration ?? Number.POSITIVE_INFINITY, length - (recording.start ?? 0));
  const windows = windowsOf(recording.id, duration, chained.videoRate, clip);
  if (windows.length > 0) return windows;
  throw new CmmdError("CMMD310", tooShort(recording, duration, clip.frames, chained.videoRate));
}

/** A stretch with the bytes that it holds. */
export const madeOf = (result: Stretch) => ({
  result,
  bytes: result.cuts.reduce(
    (sum, cut) => sum + (cut ? cut.frames.data.byteLength + cut.waveform.samples.byteLength : 0),
    0,
  ),
});

/**
 * The work of turning a recording into clips: its first stretch, which also tells how long the file is, and then the others. One run of the
 * decoder for each, on one thread, as several run at once.
 */
export function recordingClips(wanted: Wanted, recording: Recording): Job<Stretch> {
  const { input, chained, has } = wanted;
  const { pipeline, context, component } = input;
  const { clip, codec: used } = { clip: pipeline.data.clip, codec: pipeline.prepare.codec };
  const { videoRate, videoFilters, audioFilters } = chained;
  const start = recording.start ?? 0;
  const limit = recording.duration ?? Number.POSITIVE_INFINITY;
  const perStretch = windowsPerStretch(wanted);
  const firstFrames = (perStretch - 1) * clip.every + clip.frames + clip.context;

  async function decode(from: number, frames: number, signal: AbortSignal): Promise<Decoded> {
    const codec = await component("codecs", used.use);
    const one = async (path: string, only?: Modality) => {
      const decoded = await codec.decode(
        {
          path,
          start: start + from / videoRate,
          duration: Math.min(frames / videoRate, limit - from / videoRate),
          videoFilters,
          audioFilters,
          ...(only && { only }),
          threads: 1,
          signal,
        },
        used.options,
        context,
      );
      wanted.decoders.saw(decoded);
      return decoded;
    };
    const { media, sound } = recording;
    if (sound === undefined) return one(media);
    const [picture, { waveform }] = await Promise.all([one(media, "video"), one(sound, "audio")]);
    return { ...picture, waveform };
  }

  const probe = async () => {
    const codec = await component("codecs", used.use);
    return (await codec.probe(recording.media, used.options, context)).duration;
  };
  const made = (cuts: Stretch["cuts"], part: number, failure?: CmmdError) =>
    madeOf({ recording, cuts, part, ...(failure && { failure }) });

  const later =
    (windows: readonly Window[], part: number): Job<Stretch> =>
    async (signal) => {
      if (wanted.isRejected(recording.id) || windows.every(({ id }) => has(id))) return made([], part);
      try {
        const first = windows[0]!.from - windows[0]!.before;
        const last = windows.at(-1)!;
        const decoded = await decode(first, last.from + clip.frames + last.after - first, signal);
        return made([...cutClips(decoded, first, windows, clip.frames)], part);
      } catch (error) {
        return made([], 1, rejectionOf(error));
      }
    };

  return async (signal) => {
    try {
      const begun = has(windowsOf(recording.id, clip.frames / videoRate, videoRate, clip)[0]!.id);
      let decoded = begun ? undefined : await decode(0, firstFrames, signal);
      const windows = windowsUpTo(wanted, recording, decoded?.length ?? (await probe()));
      const first = windows.slice(0, perStretch);
      const stretches = Math.ceil(windows.length / perStretch);
      const there = first.every(({ id }) => has(id));
      if (!there) decoded ??= await decode(0, firstFrames, signal);
      return {
        ...made(there ? [] : [...cutClips(decoded!, 0, first, clip.frames)], 1 / stretches),
        next: Array.from({ length: stretches - 1 }, (_, i) =>
          later(windows.slice((i + 1) * perStretch, (i + 2) * perStretch), (i + 2) / stretches),
        ),
      };
    } catch (error) {
      return made([], 1, rejectionOf(error));
    }
  };
}
