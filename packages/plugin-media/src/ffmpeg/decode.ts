import { CmmdError, type Decoded, type DecodeRequest, type Frames } from "@cmmd/core";
import { mediaError, missingStream } from "./failure.js";
import { frameRateFilter } from "./frame-rate.js";
import { PixmapReader } from "./pixmap.js";
import { inputFile, probeMedia, requireFile } from "./probe.js";
import { runFfmpeg } from "./process.js";

/** Seconds decoded before a span, at least: decoders need some sound and a whole picture before what they give is right. */
const leadIn = 0.5;
/** Seconds read after a span, so that its last frame is decided by what follows it. */
const leadOut = 0.3;

/**
 * Decodes a span of a file to frames at the rate that its `fps` filter gives (the file's own without one) and mono sound at the rate
 * that its `aresample` filter gives. Both come from one run of FFmpeg with one clock, so a late-starting stream is filled (first
 * picture, silence) instead of shifted. Exactly round(duration · rate) frames and samples; fewer only where the file ends earlier by
 * more than a frame. Throws CMMD301 (cannot be decoded), 302 (no audio stream), 303 (no video stream), 320 (filters).
 */
export async function decodeSpan(ffmpegPath: string, request: DecodeRequest): Promise<Decoded> {
  const { path, start, duration, signal } = request;
  if (!(start >= 0) || !(duration > 0)) throw new RangeError(`no span: ${duration} s from second ${start}`);
  await requireFile(path);
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

  const info = await probeMedia(ffmpegPath, path, signal);
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

async function decodeFrom(ffmpegPath: string, request: DecodeRequest, rates: Rates, lead: LeadIn): Promise<Decoded> {
  const { path, duration, signal } = request;
  const frameCount = Math.round(duration * rates.video);
  const pixmaps = new PixmapReader(lead.frames, frameCount);
  const sound = new SoundReader(Math.round(lead.seconds * rates.audio), Math.round(duration * rates.audio));
  const shift = lead.shift > 0 ? [`settb=1/1000000,setpts=PTS-${Math.round(lead.shift * 1e6)}`] : [];
  const picture = [
    ...["-map", "0:V:0", "-vf", [...shift, ...request.videoFilters, ...rates.videoFilters, "format=rgb24"].join(",")],
    ...["-frames:v", String(lead.frames + frameCount), "-c:v", "ppm", "-f", "image2pipe", "pipe:1"],
  ];
  const samples = [
    ...["-map", "0:a:0", "-af", [...monoFilters, ...request.audioFilters, ...rates.audioFilters].join(",")],
    ...["-c:a", "pcm_f32le", "-f", "f32le", "pipe:3"],
  ];
  const { exitCode, stderr } = await runFfmpeg(
    ffmpegPath,
    [
      ...["-loglevel", "error", "-xerror"],
      ...(lead.seek > 0 ? ["-ss", lead.seek.toFixed(6)] : []),
      ...["-t", (lead.seconds + duration + leadOut).toFixed(6)],
      ...inputFile(path),
      ...(request.only === "audio" ? [] : picture),
      ...(request.only === "video" ? [] : samples),
    ],
    {
      signal,
      outputs: Object.fromEntries([
        ...(request.only === "audio" ? [] : [[1, (chunk: Buffer) => pixmaps.push(chunk)]]),
        ...(request.only === "video" ? [] : [[3, (chunk: Buffer) => sound.push(chunk)]]),
      ]),
    },
  );
  if (exitCode !== 0) throw await explained(ffmpegPath, request, stderr);
  return {
    frames: completed(pixmaps.frames(), frameCount),
    rate: rates.video,
    waveform: { rate: rates.audio, samples: sound.samples(rates.audio / rates.video) },
  };
}

/** The banner of a file tells more surely than the error of a failed run whether it is a media file, and what it lacks. */
async function explained(ffmpegPath: string, request: DecodeRequest, stderr: string): Promise<CmmdError> {
  const { path, signal, only } = request;
  const info = await probeMedia(ffmpegPath, path, signal);
  if (!info.video && only !== "audio") return missingStream(path, "video");
  if (!info.audio && only !== "video") return missingStream(path, "audio");
  return mediaError(path, stderr);
}

/** Gaps and a late start become silence; channels are averaged, not summed, so that the result stays within [-1, 1]. */
const monoFilters = [
  "aresample=async=1:first_pts=0:rematrix_maxval=1",
  "aformat=sample_fmts=fltp:channel_layouts=mono",
];

interface Rates {
  readonly video: number;
  readonly audio: number;
  readonly videoFilters: readonly string[];
  readonly audioFilters: readonly string[];
}

async function outputRates(ffmpegPath: string, request: DecodeRequest): Promise<Rates> {
  const asked = {
    video: lastNumber(request.videoFilters, /(?:^|,)fps=(?:fps=)?([\d.]+)(?:\/([\d.]+))?/g),
    audio: lastNumber(request.audioFilters, /(?:^|,)aresample=(?:(?:osr|out_sample_rate|sample_rate)=)?(\d+)()/g),
  };
  const { only } = request;
  const unknown = {
    video: only !== "audio" && asked.video === undefined,
    audio: only !== "video" && asked.audio === undefined,
  };
  const info = unknown.video || unknown.audio ? await probeMedia(ffmpegPath, request.path, request.signal) : undefined;
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

/** At the end of a file the last picture may lack its slot: one, and only one, repeated picture completes the span. */
function completed(frames: Frames, count: number): Frames {
  if (frames.count === 0 || frames.count !== count - 1) return frames;
  const size = frames.height * frames.width * 3;
  const data = new Uint8Array(count * size);
  data.set(frames.data);
  data.copyWithin((count - 1) * size, (count - 2) * size, (count - 1) * size);
  return { ...frames, count, data };
}

/** Collects float32 samples; those before `skip` and from `skip + limit` on are dropped. */
class SoundReader {
  private readonly chunks: Buffer[] = [];
  private readonly skip: number;
  private readonly limit: number;

  constructor(skip: number, limit: number) {
    this.skip = skip;
    this.limit = limit;
  }

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
  }

  /** Silence completes what is at most `tolerance` samples short. */
  samples(tolerance: number): Float32Array {
    const bytes = Buffer.concat(this.chunks).subarray(this.skip * 4, (this.skip + this.limit) * 4);
    const count = Math.floor(bytes.length / 4);
    const out = new Float32Array(count > 0 && this.limit - count <= tolerance ? this.limit : count);
    for (let i = 0; i < count; i++) out[i] = bytes.readFloatLE(i * 4);
    return out;
  }
}
