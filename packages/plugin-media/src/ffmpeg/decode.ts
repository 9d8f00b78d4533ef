import { CmmdError, type Decoded, type DecodeRequest } from "@cmmd/core";
import { toneMapped } from "./dynamic-range.js";
import { mediaError, missingSamples, missingStream } from "./failure.js";
import { readLog } from "./log.js";
import { gainFilters, measureLoudness } from "./loudness.js";
import { inputFile, probeMedia, requireFile } from "./probe.js";
import { runFfmpeg } from "./process.js";
import { outputRates, type Rates, type TimedRequest } from "./rates.js";
import { inputOf, type LeadIn, leadInto, monoFilters, outputsOf, type Read, readers, readOf } from "./span.js";

/** Seconds without sound, after the last wanted picture, from which on the sound is read by itself. */
const soundLate = 2;

/**
 * Decodes a span of a file to frames at the rate that its `fps` filter gives (the file's own without one) and mono sound at the rate
 * that its `aresample` filter gives. Both come from one run of FFmpeg with one clock, so a late-starting stream is filled (first
 * picture, silence) instead of shifted. Exactly round(duration · rate) frames and samples; fewer only where the file ends earlier, or a
 * stream more than a frame before the file. Pictures of high dynamic range are tone-mapped. Throws CMMD301 (cannot be decoded), 302 (no
 * audio stream, or an empty one), 303 (no video stream), 320 (filters), 322 (high dynamic range without zimg), 323 (sound that is
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
export async function gained(ffmpegPath: string, request: TimedRequest, state: string): Promise<readonly string[]> {
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

/** As `decodeSpan`, without tone mapping. */
async function decodeWhole(ffmpegPath: string, request: TimedRequest): Promise<Read> {
  const { path, start, signal, patience } = request;
  const rates = await outputRates(ffmpegPath, request);
  const framesBefore = Math.floor(start * rates.video + 1e-9);
  const decoded = await decodeFrom(ffmpegPath, request, rates, leadInto(start, rates));
  if (complete(decoded, request)) return decoded;

  const info = await probeMedia(ffmpegPath, path, signal, patience);
  if (info.duration === 0 && request.only === "audio") throw missingSamples(path);
  if (start > info.duration - 1 / rates.video) return decoded;
  const shift = start - framesBefore / rates.video;
  const only = request.only ?? (decoded.frames.count > 0 ? "audio" : undefined);
  const again = { ...request, ...(only && { only }) };
  const read = await decodeFrom(ffmpegPath, again, rates, { seek: 0, shift, frames: framesBefore, seconds: start });
  const both = only === request.only ? read : { ...read, frames: decoded.frames };
  if (complete(both, request)) return both;
  const wanted = { video: "picture", audio: "sound", both: "picture and sound" }[request.only ?? "both"];
  throw new CmmdError("CMMD301", `"${path}" holds no ${wanted} from second ${start.toFixed(2)} on`, {
    hint: `It should last ${info.duration.toFixed(2)} s. Copy or download it again.`,
  });
}

export function complete({ frames, waveform }: Decoded, { only }: DecodeRequest): boolean {
  return (only === "audio" || frames.count > 0) && (only === "video" || waveform.samples.length > 0);
}

async function decodeFrom(ffmpegPath: string, request: TimedRequest, rates: Rates, lead: LeadIn): Promise<Read> {
  const { only, signal, patience } = request;
  const into = readers(request, rates, lead);
  // In search of sound that has ended FFmpeg would decode every picture up to the end of the file.
  const enough = new AbortController();
  let late: NodeJS.Timeout | undefined;
  const push = {
    picture(chunk: Buffer) {
      into.pixmaps.push(chunk);
      if (only === undefined && into.pixmaps.complete) late ??= setTimeout(() => enough.abort(), soundLate * 1000);
    },
    sound(chunk: Buffer) {
      into.sound.push(chunk);
      late?.refresh();
    },
  };
  const { exitCode, stderr } = await runFfmpeg(
    ffmpegPath,
    [...inputOf(request, lead.seek), ...outputsOf(request, rates, lead, { picture: 1, sound: 3 })],
    {
      signal,
      patience,
      enough: enough.signal,
      outputs: Object.fromEntries([
        ...(only === "audio" ? [] : [[1, push.picture]]),
        ...(only === "video" ? [] : [[3, push.sound]]),
      ]),
    },
  ).finally(() => clearTimeout(late));
  const { banner, errors } = readLog(stderr);
  if (exitCode !== 0) throw await explained(ffmpegPath, request, errors);
  const read = readOf(request, rates, into, banner);
  if (!enough.signal.aborted) return read;
  const alone = await decodeFrom(ffmpegPath, { ...request, only: "audio" }, rates, lead);
  return { ...read, waveform: alone.waveform };
}

/** The banner of a file tells more surely than the error of a failed run whether it is a media file, and what it lacks. */
async function explained(ffmpegPath: string, request: TimedRequest, stderr: string): Promise<CmmdError> {
  const { path, signal, only, patience } = request;
  const info = await probeMedia(ffmpegPath, path, signal, patience);
  if (!info.video && only !== "audio") return missingStream(path, "video");
  if (!info.audio && only !== "video") return missingStream(path, "audio");
  return mediaError(path, stderr);
}
