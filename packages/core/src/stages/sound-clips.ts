import type { Cut } from "../datasets/survey.js";
import { CmmdError } from "../errors.js";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import type { Recording } from "../plugin/clips.js";
import type { Job } from "./in-order.js";
import { rejectionOf } from "./rejections.js";
import type { SoundChain } from "./sound-chain.js";
import type { StageInput } from "./stage.js";

/** Seconds that one run of the decoder gives at most: bounds memory, whatever the length of the file. */
const stretchSeconds = 120;

/** A clip of a recording: where it begins, in samples, and its sound, which may end before the clip does. */
interface SoundClip {
  readonly id: string;
  readonly from: number;
  readonly samples: Float32Array;
}

/** What came of a stretch of a recording: its clips, or why there are none. */
interface SoundStretch {
  readonly recording: Recording;
  readonly clips: readonly SoundClip[];
  readonly failure?: CmmdError;
}

type Place = Pick<SoundClip, "id" | "from">;

/** The clips of a recording of `total` samples: as many as fit, or the one that silence completes. */
function placesOf(id: string, total: number, { samples, every }: VocoderPipeline["data"]["clip"]): Place[] {
  const places: Place[] = [];
  for (let from = 0; from === 0 || from + samples <= total; from += every)
    places.push({ id: `${id}_${String(from).padStart(9, "0")}`, from });
  return places;
}

/** How recordings become clips of sound, as far as a survey counts them. */
export const soundCut = (clip: VocoderPipeline["data"]["clip"], { rate, shortest }: SoundChain): Cut => ({
  soundOnly: true,
  clipsOf({ id }, duration) {
    const total = Math.round(duration * rate);
    return total < shortest ? tooFew(total, rate, shortest) : placesOf(id, total, clip).length;
  },
});

const tooFew = (samples: number, rate: number, shortest: number) =>
  `${samples === 0 ? "no sound, or hardly any" : `${(samples / rate).toFixed(3)} s are too short`}: features need ${shortest} samples`;

/** The work of turning a recording into clips of sound: its first stretch, which also tells how long the file is, and then the others. */
export function soundClips(
  { pipeline, context, component }: StageInput<VocoderPipeline>,
  { rate, audioFilters, shortest }: SoundChain,
  has: (id: string) => boolean,
  recording: Recording,
): Job<SoundStretch> {
  const { clip } = pipeline.data;
  const { codec: used } = pipeline.prepare;
  const path = recording.sound ?? recording.media;
  const start = recording.start ?? 0;
  const limit = recording.duration ?? Number.POSITIVE_INFINITY;
  const perStretch = Math.max(1, Math.floor((stretchSeconds * rate - clip.samples) / clip.every) + 1);

  /** Samples of the first stretch. */
  const asked = (perStretch - 1) * clip.every + clip.samples;

  async function decode(from: number, samples: number, signal: AbortSignal) {
    const codec = await component("codecs", used.use);
    const span = { start: start + from / rate, duration: Math.min(samples / rate, limit - from / rate) };
    const request = { path, ...span, videoFilters: [], audioFilters, only: "audio" as const, threads: 1, signal };
    return codec.decode(request, used.options, context);
  }

  async function lengthOf(): Promise<number> {
    const codec = await component("codecs", used.use);
    return (await codec.probe(path, used.options, context)).duration;
  }

  const made = (clips: readonly SoundClip[], failure?: CmmdError) => ({
    result: { recording, clips, ...(failure && { failure }) },
    bytes: clips.reduce((sum, { samples }) => sum + samples.byteLength, 0),
  });

  /**
   * The clips of a run of the decoder that begins with the first of them, as far as there is sound: it may end before the film does, and what a
   * container says of its length may be off a little.
   */
  const cut = (places: readonly Place[], sound: Float32Array): SoundClip[] =>
    places.flatMap(({ id, from }) => {
      const begin = from - places[0]!.from;
      const samples = sound.subarray(begin, begin + clip.samples);
      const missing = clip.samples - samples.length;
      return missing < shortest || (from === 0 && samples.length >= shortest) ? [{ id, from, samples }] : [];
    });

  const later =
    (places: readonly Place[]): Job<SoundStretch> =>
    async (signal) => {
      if (places.every(({ id }) => has(id))) return made([]);
      try {
        const samples = places.at(-1)!.from + clip.samples - places[0]!.from;
        return made(cut(places, (await decode(places[0]!.from, samples, signal)).waveform.samples));
      } catch (error) {
        return made([], rejectionOf(error));
      }
    };

  return async (signal) => {
    try {
      const there = has(placesOf(recording.id, 0, clip)[0]!.id);
      const decoded = there ? undefined : await decode(0, asked, signal);
      const stated = Math.round(Math.min(limit, (decoded?.length ?? (await lengthOf())) - start) * rate);
      const heard = decoded?.waveform.samples.length ?? stated;
      // Sound that ends within the first stretch is not looked for in the others.
      const total = heard < Math.min(stated, asked) ? heard : stated;
      if (total < shortest) throw new CmmdError("CMMD310", tooFew(total, rate, shortest));
      const places = placesOf(recording.id, total, clip);
      const groups = Array.from({ length: Math.ceil(places.length / perStretch) }, (_, i) =>
        places.slice(i * perStretch, (i + 1) * perStretch),
      );
      // A first stretch of which only some clips are there is decoded again.
      const [first, ...others] = decoded ? groups : [[], ...groups];
      return { ...made(decoded ? cut(first!, decoded.waveform.samples) : []), next: others.map(later) };
    } catch (error) {
      return made([], rejectionOf(error));
    }
  };
}
