import type { Shards } from "../data/shards.js";
import type { ClipPlace, Span } from "../plugin/clips.js";
import type { Frames, Waveform } from "../plugin/media.js";
import { samplesPerStep } from "../stages/clips.js";
import type { FeatureStatistics } from "../stages/features.js";
import type { Pictures } from "../stages/pictures.js";

/** The real pictures of spans of clips' video, one after the other. */
export async function cutPictures(pictures: Pictures, spans: readonly Span[]): Promise<Frames> {
  const parts: Uint8Array[] = [];
  let size = { height: 0, width: 0 };
  for (const { clip, shift, from, to } of spans) {
    const { height, width, data } = await pictures.clip(clip.id);
    size = { height, width };
    const begin = clip.context.video.before + shift;
    const picture = height * width * 3;
    parts.push(data.subarray((begin + from) * picture, (begin + to) * picture));
  }
  const data = new Uint8Array(Buffer.concat(parts));
  return { count: data.length / (size.height * size.width * 3), ...size, data };
}

/** The real sound of spans of clips' features, one after the other; what features leave over of a clip's sound at its end comes with the last. */
export async function cutSound(
  shards: Shards,
  spans: readonly Span[],
  statistics: FeatureStatistics,
): Promise<Waveform> {
  const { video, audio: hop } = samplesPerStep(statistics);
  const clip = spans[0]!.clip;
  const samples = new Float32Array(Math.round(clip.steps.video * video));
  let at = 0;
  for (const [i, span] of spans.entries()) {
    const all = (await shards.tensor(span.clip.id, "waveform")).data as Float32Array;
    const begin = Math.round((span.clip.context.audio.before + span.shift) * hop) + span.from * hop;
    const length = i === spans.length - 1 ? samples.length - at : (span.to - span.from) * hop;
    samples.set(all.subarray(begin, begin + length), at);
    at += length;
  }
  return { rate: statistics.rates.audio, samples };
}

/** The whole of a clip, as it is. */
export const whole = <C extends ClipPlace>(clip: C, modality: "video" | "audio"): Span<C>[] => [
  { clip, shift: 0, from: 0, to: clip.steps[modality] },
];
