import type { Recording } from "../plugin/clips.js";
import type { CodecBody } from "../plugin/components.js";
import type { Job } from "./in-order.js";
import { neighbours } from "./neighbours.js";
import { madeOf, recordingClips, type Stretch, stretchFrames, type Wanted, windowsUpTo } from "./recording-clips.js";
import { rejectionOf } from "./rejections.js";
import { cutClips, windowsOf } from "./windows.js";

/** Recordings in groups whose clips one job makes; of one each where the codec cannot decode several spans. */
export async function grouped({ input, chained, ...rest }: Wanted, recordings: readonly Recording[]) {
  const frames = stretchFrames({ input, chained, ...rest });
  const codec: CodecBody<unknown> = await input.component("codecs", input.pipeline.prepare.codec.use);
  if (frames === undefined || codec.decodeSeveral === undefined) return recordings.map((recording) => [recording]);
  return neighbours(recordings, frames / chained.videoRate);
}

/** The work of turning neighbouring recordings of a file into clips: one run of the decoder for all, or, where that fails, one for each. */
export function neighbourClips(wanted: Wanted, group: readonly Recording[]): Job<Stretch> {
  const one = (recording: Recording) => recordingClips(wanted, recording);
  if (group.length === 1) return one(group[0]!);
  const { input, chained, has } = wanted;
  const { videoRate, videoFilters, audioFilters } = chained;
  const { data, prepare } = input.pipeline;
  const done = ({ id, duration }: Recording) =>
    windowsOf(id, duration!, videoRate, data.clip).every((window) => has(window.id));

  return async (signal) => {
    const [first, ...others] = group as [Recording, ...Recording[]];
    const nothing = madeOf({ recording: first, cuts: [], part: 0 });
    if (group.every(done)) return nothing;
    const requests = group.map(({ media, start = 0, duration }) => ({
      ...{ path: media, start, duration: duration!, videoFilters, audioFilters, threads: 1, signal },
    }));
    try {
      const codec: CodecBody<unknown> = await input.component("codecs", prepare.codec.use);
      const decoded = await codec.decodeSeveral!(requests, prepare.codec.options, input.context);
      wanted.decoders.saw(decoded[0]!);
      const made = group.map((recording, i) => {
        try {
          const windows = windowsUpTo(wanted, recording, decoded[i]!.length ?? Number.POSITIVE_INFINITY);
          return madeOf({ recording, cuts: [...cutClips(decoded[i]!, 0, windows, data.clip.frames)], part: 1 });
        } catch (error) {
          return madeOf({ recording, cuts: [], part: 1, failure: rejectionOf(error) });
        }
      });
      const bytes = made.reduce((sum, one) => sum + one.bytes, 0);
      return {
        result: made[0]!.result,
        // All are held from now on, and taken one after the other.
        bytes,
        next: made.slice(1).map(({ result }) => async () => ({ result, bytes: 0 })),
      };
    } catch (error) {
      rejectionOf(error);
      return { ...nothing, next: [first, ...others].map(one) };
    }
  };
}
