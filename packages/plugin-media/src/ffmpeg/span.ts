import type { Decoded, DecodeRequest } from "@cmmd/core";
import { levelled } from "./log.js";
import { PixmapReader } from "./pixmap.js";
import { inputFile, readBanner } from "./probe.js";
import type { Rates } from "./rates.js";
import { requireNumbers, SoundReader } from "./sound-reader.js";

/** Seconds decoded before a span, at least: decoders need some sound and a whole picture before what they give is right. */
const leadIn = 0.5;
/** Seconds read after a span, so that its last frame is decided by what follows it. */
const leadOut = 0.3;

export type Read = Decoded & { readonly highRange: boolean };

/** What comes before the wanted span in FFmpeg's output, and is dropped. */
export interface LeadIn {
  /** Seconds to seek to. 0 reads from the beginning, which works for files without a seek index too. */
  readonly seek: number;
  /** Seconds by which the frames' clock is moved, so that a frame falls on the span's beginning. */
  readonly shift: number;
  /** Seconds that the run sought to, where that is not `seek`: it decodes other spans too. */
  readonly sought?: number;
  readonly frames: number;
  readonly seconds: number;
}

/** What is decoded before `start`, of which the frames are a whole number. */
export function leadInto(start: number, rates: Rates): LeadIn {
  const frames = Math.min(Math.ceil(leadIn * rates.video), Math.floor(start * rates.video + 1e-9));
  const seconds = frames / rates.video;
  return { seek: start - seconds, shift: 0, frames, seconds };
}

/** Takes what FFmpeg writes of a span. */
export function readers({ duration }: DecodeRequest, rates: Rates, lead: LeadIn) {
  return {
    pixmaps: new PixmapReader(lead.frames, Math.round(duration * rates.video)),
    sound: new SoundReader(Math.round(lead.seconds * rates.audio), Math.round(duration * rates.audio)),
  };
}

/** FFmpeg's arguments before and for the input. */
export function inputOf({ path, threads }: DecodeRequest, seek: number): string[] {
  return [
    ...[...levelled, "-xerror"],
    ...(threads === undefined ? [] : ["-threads", String(threads), "-filter_threads", String(threads)]),
    ...(seek > 0 ? ["-noaccurate_seek", "-ss", seek.toFixed(6)] : []),
    ...inputFile(path),
  ];
}

/** The clock of a span in a run that sought to an earlier one, rounded as FFmpeg rounds where it seeks. */
function aheadOf({ seek, sought = seek }: LeadIn): string[] {
  return sought === seek ? [] : [`PTS-(round(${seek.toFixed(6)}/TB)-round(${sought.toFixed(6)}/TB))`];
}

/** FFmpeg's arguments for the pictures and the sound of a span, each into a pipe of its own. */
export function outputsOf(
  { duration, only, ...filters }: DecodeRequest,
  rates: Rates,
  lead: LeadIn,
  pipes: { readonly picture: number; readonly sound: number },
): string[] {
  const shift = lead.shift > 0 ? [`settb=1/1000000,setpts=PTS-${Math.round(lead.shift * 1e6)}`] : [];
  const ahead = aheadOf(lead);
  const video = [
    ...ahead.map((by) => `setpts=${by}`),
    ...shift,
    ...filters.videoFilters,
    ...rates.videoFilters,
    "format=rgb24",
  ];
  const frames = String(lead.frames + Math.round(duration * rates.video));
  const audio = [
    ...ahead.map((by) => `asetpts=${by}`),
    ...monoFilters(rates.video),
    ...filters.audioFilters,
    ...rates.audioFilters,
  ];
  const seconds = (lead.seconds + duration + leadOut).toFixed(6);
  return [
    ...(only === "audio"
      ? []
      : [
          ...["-map", "0:V:0", "-vf", video.join(","), "-frames:v", frames],
          ...["-c:v", "ppm", "-f", "image2pipe", `pipe:${pipes.picture}`],
        ]),
    ...(only === "video"
      ? []
      : [
          ...["-map", "0:a:0", "-af", audio.join(","), "-t", seconds],
          ...["-c:a", "pcm_f32le", "-f", "f32le", `pipe:${pipes.sound}`],
        ]),
  ];
}

/** What came of a span, by what the file says about itself. */
export function readOf(
  { path, start, duration }: DecodeRequest,
  rates: Rates,
  { pixmaps, sound }: ReturnType<typeof readers>,
  banner: string,
): Read {
  const { duration: length, video } = readBanner(banner) ?? {};
  // What the file should have of the span, by its own account; a file's stated length may be off by a hundredth of a frame.
  const there = Math.min(duration, (length ?? Number.POSITIVE_INFINITY) - start + 0.01 / rates.video);
  const waveform = {
    rate: rates.audio,
    samples: sound.samples(Math.floor(there * rates.audio), rates.audio / rates.video),
  };
  requireNumbers(path, start, waveform);
  return {
    frames: pixmaps.frames(Math.floor(there * rates.video + 1e-9)),
    rate: rates.video,
    waveform,
    ...(length !== undefined && { length }),
    ...(video && { source: { width: video.width, height: video.height } }),
    highRange: video?.highRange !== undefined,
  };
}

/**
 * A late start and gaps become silence, and what overlaps is dropped, so that sound is never half a frame away from its time; channels are
 * averaged, not summed, so that the result stays within [-1, 1].
 */
export function monoFilters(rate: number): string[] {
  const tolerance = Math.min(0.1, 0.45 / rate).toFixed(4);
  return [
    `aresample=async=1:first_pts=0:min_hard_comp=${tolerance}:rematrix_maxval=1`,
    "aformat=sample_fmts=fltp:channel_layouts=mono",
  ];
}
