import type { DecodeRequest } from "@cmmd/core";
import { missingStream } from "./failure.js";
import { frameRateFilter } from "./frame-rate.js";
import { probeMedia } from "./probe.js";

/** What to decode, and how patiently. */
export interface TimedRequest extends DecodeRequest {
  /** Seconds without anything from FFmpeg after which it is given up; none when absent. */
  readonly patience?: number;
  readonly warn?: (message: string) => void;
}

/** Frames and samples per second that come out of a request's filters, and the filters that fix those which it leaves open. */
export interface Rates {
  readonly video: number;
  readonly audio: number;
  readonly videoFilters: readonly string[];
  readonly audioFilters: readonly string[];
}

/** Throws CMMD302 or CMMD303 where the file would have to say a rate and has no such stream. */
export async function outputRates(ffmpegPath: string, request: TimedRequest): Promise<Rates> {
  const asked = {
    video: lastNumber(request.videoFilters, /(?:^|,)fps=(?:fps=)?([\d.]+)(?:\/([\d.]+))?/g),
    audio: lastNumber(request.audioFilters, /(?:^|,)aresample=(?:(?:osr|out_sample_rate|sample_rate)=)?(\d+)()/g),
  };
  const { only } = request;
  const unknown = {
    video: only !== "audio" && asked.video === undefined,
    audio: only !== "video" && asked.audio === undefined,
  };
  const info =
    unknown.video || unknown.audio
      ? await probeMedia(ffmpegPath, request.path, request.signal, request.patience)
      : undefined;
  if (info && only !== "audio" && !info.video) throw missingStream(request.path, "video");
  if (info && only !== "video" && !info.audio) throw missingStream(request.path, "audio");
  // The clock of the wanted stream serves for one that is not decoded.
  const video = asked.video ?? info?.video?.rate ?? 1;
  const audio = asked.audio ?? info?.audio?.rate ?? 1;
  return {
    video,
    audio,
    videoFilters: asked.video === undefined ? [frameRateFilter(video)] : [],
    audioFilters: [`aresample=${audio}`, "aformat=sample_fmts=flt:channel_layouts=mono"],
  };
}

function lastNumber(filters: readonly string[], pattern: RegExp): number | undefined {
  const match = [...filters.join(",").matchAll(pattern)].at(-1);
  return match ? Number(match[1]) / Number(match[2] || 1) : undefined;
}
