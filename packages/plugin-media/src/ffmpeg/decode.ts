import { CmmdError, type Decoded, type DecodeRequest } from "@cmmd/core";
import { toneMapped } from "./dynamic-range.js";
import { mediaError, missingStream } from "./failure.js";
import { frameRateFilter } from "./frame-rate.js";
import { levelled, readLog } from "./log.js";
import { gainFilters, measureLoudness } from "./loudness.js";
import { PixmapReader } from "./pixmap.js";
import { inputFile, probeMedia, readBanner, requireFile } from "./probe.js";
import { runFfmpeg } from "./process.js";
import { requireNumbers, SoundReader } from "./sound-reader.js";

/** Seconds decoded before a span, at least: decoders need some sound and a whole picture before what they give is right. */
const leadIn = 0.5;
/** Seconds read after a span, so that its last frame is decided by what follows it. */
const leadOut = 0.3;

interface TimedRequest extends DecodeRequest {
  /** Seconds without anything from FFmpeg after which it is given up; none when absent. */
  readonly patience?: number;
  readonly warn?: (message: string) => void;
}

/**
 * Decodes a span of a file to frames at the rate that its `fps` filter gives (the file's own without one) and mono sound at the rate
 * that its `aresample` filter gives. Both come from one run of FFmpeg with one clock, so a late-starting stream is filled (first
 * picture, silence) instead of shifted. Exactly round(duration · rate) frames and samples; fewer only where the file ends earlier, or a
 * stream more than a frame before the file. Pictures of high dynamic range are tone-mapped. Throws CMMD301 (cannot be decoded), 302 (no
 * audio stream), 303 (no video stream), 320 (filters), 322 (high dynamic range without zimg), 323 (sound that is
 * no number), 324 (pictures of several sizes), 515 (patience).
 */
export async function decodeSpan(ffmpegPath: string, request: TimedRequest): Promise<Decoded> {
  const { path, start, duration, only } = request;
  if (!(start >= 0) || !(duration > 0)) throw new RangeError(`no span: ${duration} s from second ${start}`);
  const state = await requireFile(path);
  const audioFilters = only === "video" ? [] : await gained(ffmpegPath, request, state);
  if (only === "audio" || !highRangeFiles.has(state)) {
    const { highRange, ...decoded } = await decodeWhole(ffmpegPath, { ...request, audioFilters });
    if (only === "audio" || !highRange) return decoded;
    highRangeFiles.add(state);
  }
  return decodeWhole(ffmpegPath, { ...request, audioFilters, videoFilters: toneMapped(request.videoFilters) });
}

/** Files whose pictures need tone mapping. That is known only once FFmpeg has described the file, so their first span is decoded twice. */
const highRangeFiles = new Set<string>();

/** What was found for files, by their state and the filters: many spans of a file are decoded. */
const gains = new Map<string, Promise<string[]>>();

/** The request's sound filters, with gains where they ask for a loudness. */
async function gained(ffmpegPath: string, request: TimedRequest, state: string): Promise<readonly string[]> {
  const { path, audioFilters, signal, patience, warn } = request;
  if (!audioFilters.some((filter) => filter.startsWith("loudness="))) return audioFilters;
  const key = JSON.stringify([state, audioFilters]);
  const found =
    gains.get(key) ??
    gainFilters(
      audioFilters,
      monoFilters(1),
      (filters) => measureLoudness(ffmpegPath, inputFile(path), filters, { signal, patience }),
      (message) => warn?.(`"${path}" ${message}`),
    );
  gains.set(key, found);
  return found.catch((error: unknown) => {
    gains.delete(key);
    throw error;
  });
}

type Read = Decoded & { readonly highRange: boolean };

/** As `decodeSpan`, without tone mapping. */
async function decodeWhole(ffmpegPath: string, request: TimedRequest): Promise<Read> {
  const { path, start, signal, patience } = request;
  const rates = await outputRates(ffmpegPath, request);
  const framesBefore = Math.floor(start * rates.video + 1e-9);
  const lead = Math.min(Math.ceil(leadIn * rates.video), framesBefore);
  const seconds = lead / rates.video;
  const decoded = await decodeFrom(ffmpegPath, request, rates, {
    seek: start - seconds,
    shift: 0,
    frames: lead,
    seconds,
  });
  if (complete(decoded, request)) return decoded;

  const info = await probeMedia(ffmpegPath, path, signal, patience);
  if (start > info.duration - 1 / rates.video) return decoded;
  const shift = start - framesBefore / rates.video;
  const read = await decodeFrom(ffmpegPath, request, rates, { seek: 0, shift, frames: framesBefore, seconds: start });
  if (complete(read, request)) return read;
  const wanted = { video: "picture", audio: "sound", both: "picture and sound" }[request.only ?? "both"];
  throw new CmmdError("CMMD301", `"${path}" holds no ${wanted} from second ${start.toFixed(2)} on`, {
    hint: `It should last ${info.duration.toFixed(2)} s. Copy or download it again.`,
  });
}

function complete({ frames, waveform }: Decoded, { only }: DecodeRequest): boolean {
  return (only === "audio" || frames.count > 0) && (only === "video" || waveform.samples.length > 0);
}

/** What comes before the wanted span in FFmpeg's output, and is dropped. */
interface LeadIn {
  /** Seconds to seek to. 0 reads from the beginning, which works for files without a seek index too. */
  readonly seek: number;
  /** Seconds by which the frames' clock is moved, so that a frame falls on the span's beginning. */
  readonly shift: number;
  readonly frames: number;
  readonly seconds: number;
}

async function decodeFrom(ffmpegPath: string, request: TimedRequest, rates: Rates, lead: LeadIn): Promise<Read> {
  const { path, start, duration, threads, signal, patience } = request;
  const frameCount = Math.round(duration * rates.video);
  const pixmaps = new PixmapReader(lead.frames, frameCount);
  const sound = new SoundReader(Math.round(lead.seconds * rates.audio), Math.round(duration * rates.audio));
  const shift = lead.shift > 0 ? [`settb=1/1000000,setpts=PTS-${Math.round(lead.shift * 1e6)}`] : [];
  const picture = [
    ...["-map", "0:V:0", "-vf", [...shift, ...request.videoFilters, ...rates.videoFilters, "format=rgb24"].join(",")],
    ...["-frames:v", String(lead.frames + frameCount), "-c:v", "ppm", "-f", "image2pipe", "pipe:1"],
  ];
  const samples = [
    ...[
      "-map",
      "0:a:0",
      "-af",
      [...monoFilters(rates.video), ...request.audioFilters, ...rates.audioFilters].join(","),
    ],
    ...["-t", (lead.seconds + duration + leadOut).toFixed(6), "-c:a", "pcm_f32le", "-f", "f32le", "pipe:3"],
  ];
  const { exitCode, stderr } = await runFfmpeg(
    ffmpegPath,
    [
      ...[...levelled, "-xerror"],
      ...(threads === undefined ? [] : ["-threads", String(threads), "-filter_threads", String(threads)]),
      ...(lead.seek > 0 ? ["-noaccurate_seek", "-ss", lead.seek.toFixed(6)] : []),
      ...inputFile(path),
      ...(request.only === "audio" ? [] : picture),
      ...(request.only === "video" ? [] : samples),
    ],
    {
      signal,
      patience,
      outputs: Object.fromEntries([
        ...(request.only === "audio" ? [] : [[1, (chunk: Buffer) => pixmaps.push(chunk)]]),
        ...(request.only === "video" ? [] : [[3, (chunk: Buffer) => sound.push(chunk)]]),
      ]),
    },
  );
  const { banner, errors } = readLog(stderr);
  if (exitCode !== 0) throw await explained(ffmpegPath, request, errors);
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
    highRange: video?.highRange !== undefined,
  };
}

/** The banner of a file tells more surely than the error of a failed run whether it is a media file, and what it lacks. */
async function explained(ffmpegPath: string, request: TimedRequest, stderr: string): Promise<CmmdError> {
  const { path, signal, only, patience } = request;
  const info = await probeMedia(ffmpegPath, path, signal, patience);
  if (!info.video && only !== "audio") return missingStream(path, "video");
  if (!info.audio && only !== "video") return missingStream(path, "audio");
  return mediaError(path, stderr);
}

/**
 * A late start and gaps become silence, and what overlaps is dropped, so that sound is never half a frame away from its time; channels are
 * averaged, not summed, so that the result stays within [-1, 1].
 */
function monoFilters(rate: number): string[] {
  const tolerance = Math.min(0.1, 0.45 / rate).toFixed(4);
  return [
    `aresample=async=1:first_pts=0:min_hard_comp=${tolerance}:rematrix_maxval=1`,
    "aformat=sample_fmts=fltp:channel_layouts=mono",
  ];
}

interface Rates {
  readonly video: number;
  readonly audio: number;
  readonly videoFilters: readonly string[];
  readonly audioFilters: readonly string[];
}

async function outputRates(ffmpegPath: string, request: TimedRequest): Promise<Rates> {
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
