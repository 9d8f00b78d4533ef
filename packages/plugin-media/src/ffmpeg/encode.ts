import { randomBytes } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CmmdError, type Frames, type MediaSpan, type Waveform } from "@cmmd/core";
import { inputFile, probeMedia } from "./probe.js";
import { runFfmpeg } from "./process.js";

/** Sound and picture to write. All frames have the size of the first ones. */
export interface Film {
  /** RGB pictures, whole or in runs as they are made, or a file's picture. */
  readonly frames: Frames | AsyncIterable<Frames> | MediaSpan;
  /** Frames per second, of given pictures. */
  readonly rate: number;
  /** Mono sound, or a file's. */
  readonly waveform: Waveform | MediaSpan;
  /** Each pixel becomes `scale` x `scale` pixels. Default 1. */
  readonly scale?: number;
}

/**
 * Writes an MP4 that browsers play: H.264 yuv420p (BT.709), AAC mono, index first, sound and picture starting together (the AAC
 * encoder's priming is cut by the edit list). An odd width or height gains one line of black, as 4:2:0 needs even sizes. The file
 * appears at `path` only when it is complete. The bytes depend on the input and FFmpeg's version alone. Throws CMMD307.
 */
export async function encodeMp4(ffmpegPath: string, path: string, film: Film, signal: AbortSignal): Promise<void> {
  const picture = await pictureInput(ffmpegPath, path, film, signal);
  const sound = soundInput(film.waveform);
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.${randomBytes(4).toString("hex")}.partial`;
  try {
    const { exitCode, stderr } = await runFfmpeg(
      ffmpegPath,
      [
        ...["-loglevel", "error", "-y"],
        ...picture.input,
        ...sound.input,
        ...["-map", "0:V:0", "-map", "1:a:0"],
        ...picture.output,
        ...sound.output,
        ...["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"],
        ...["-movflags", "+faststart", "-f", "mp4", `file:${partial}`],
      ],
      { signal, inputs: { ...picture.pipe, ...sound.pipe } },
    );
    if (exitCode !== 0) throw encodingError(path, stderr);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}

/** Scaling happens in RGB, so that nearest-neighbour blocks stay sharp, and the matrix is the one that the file declares. */
function pictureFilter(scale: number): string {
  if (!Number.isInteger(scale) || scale < 1)
    throw new CmmdError("CMMD307", `the scale of a written video is ${scale}; it must be a whole number from 1 up`);
  const enlarge = scale > 1 ? `scale=iw*${scale}:ih*${scale}:flags=neighbor,` : "";
  return `${enlarge}pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_inp+bitexact,format=yuv420p`;
}

/** FFmpeg's arguments for one input and what becomes of it, and the pipe that feeds it when it is not a file. */
interface Stream {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly pipe: Readonly<Record<number, () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>>>;
}

const h264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-bf", "0", "-threads:v", "1"];
/** Codecs whose streams MP4 holds as they are. */
const copied = new Set(["h264", "hevc", "av1"]);

function spanInput({ path, start, duration }: MediaSpan): string[] {
  return [...(start > 0 ? ["-ss", start.toFixed(6)] : []), "-t", duration.toFixed(6), ...inputFile(path)];
}

async function pictureInput(ffmpegPath: string, path: string, film: Film, signal: AbortSignal): Promise<Stream> {
  const { frames, rate, scale = 1 } = film;
  if ("path" in frames) {
    // A copied stream can begin at a key picture only, which the first one is.
    const { video } = await probeMedia(ffmpegPath, frames.path, signal);
    const copy = frames.start === 0 && video !== undefined && copied.has(video.codec);
    const output = copy ? ["-c:v", "copy"] : ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2,format=yuv420p", ...h264];
    return { input: spanInput(frames), output, pipe: {} };
  }
  const runs = iterate(frames)[Symbol.asyncIterator]();
  const first = await runs.next();
  if (first.done) throw new CmmdError("CMMD307", `cannot write "${path}": there are no frames`);
  const size = `${first.value.width}x${first.value.height}`;
  return {
    input: [
      ...["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", size],
      ...["-framerate", String(rate), "-i", "pipe:0"],
    ],
    output: [
      ...["-vf", pictureFilter(scale), ...h264],
      ...["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"],
    ],
    pipe: { 0: () => pictures(path, first.value, runs) },
  };
}

function soundInput(waveform: Waveform | MediaSpan): Stream {
  if ("path" in waveform) return { input: spanInput(waveform), output: ["-c:a", "aac", "-b:a", "192k"], pipe: {} };
  const { rate, samples } = waveform;
  return {
    input: ["-f", "f32le", "-ar", String(rate), "-ac", "1", "-i", "pipe:3"],
    output: ["-c:a", "aac", "-b:a", String(Math.min(128_000, 6 * rate))],
    pipe: { 3: () => pieces(samples) },
  };
}

async function* iterate(frames: Frames | AsyncIterable<Frames>): AsyncGenerator<Frames> {
  if (!("data" in frames)) yield* frames;
  else if (frames.count > 0) yield frames;
}

async function* pictures(path: string, first: Frames, rest: AsyncIterator<Frames>): AsyncGenerator<Uint8Array> {
  for (let run: Frames | undefined = first; run; ) {
    if (run.width !== first.width || run.height !== first.height)
      throw new CmmdError(
        "CMMD307",
        `cannot write "${path}": frames of ${run.width}x${run.height} follow frames of ${first.width}x${first.height}`,
      );
    yield run.data;
    const next: IteratorResult<Frames> = await rest.next();
    run = next.done ? undefined : next.value;
  }
}

/** In pieces, so that the pipe never holds a second copy of a long sound. */
function* pieces(samples: Float32Array): Generator<Uint8Array> {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  for (let from = 0; from < bytes.length; from += 1 << 16) yield bytes.subarray(from, from + (1 << 16));
}

function encodingError(path: string, stderr: string): CmmdError {
  const reason = stderr.trim().split("\n").at(-1) || "FFmpeg gave no reason";
  const missing = /Unknown encoder '(\w+)'/.exec(stderr)?.[1];
  if (missing)
    return new CmmdError("CMMD307", `cannot write "${path}": this FFmpeg has no ${missing} encoder`, {
      hint: "Set CMMD_FFMPEG to a build with libx264, or take FFmpeg off PATH to use the bundled one.",
    });
  return new CmmdError("CMMD307", `cannot write "${path}": ${reason}`, {
    hint: /No space left/.test(stderr) ? "Free some space on that disk, then run again." : undefined,
  });
}
