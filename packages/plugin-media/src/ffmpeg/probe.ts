import { stat } from "node:fs/promises";
import { CmmdError, type MediaInfo } from "@cmmd/core";
import { mediaError } from "./failure.js";
import { runFfmpeg } from "./process.js";

/** Input arguments for a file that may have any name: no other protocols, no name taken for an option. */
export function inputFile(path: string): string[] {
  return ["-protocol_whitelist", "file,pipe", "-i", `file:${path}`];
}

/**
 * Tells one state of a file from another, by its size and time. Throws CMMD301 when there is no such file or it is empty, before FFmpeg
 * would say so in its own words.
 */
export async function requireFile(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() && found.size > 0) return `${path}:${found.size}:${found.mtimeMs}`;
  const wrong = found ? (found.isFile() ? "is empty" : "is not a file") : "does not exist";
  throw new CmmdError("CMMD301", `"${path}" ${wrong}`, {
    hint: "Check the path; was the file moved, or its download cut off?",
  });
}

/**
 * What a container says about itself, read from FFmpeg's banner, as the bundled build has no ffprobe. Duration in seconds; where the
 * container does not know it, the file is read through. Cover pictures are no video. Throws CMMD301, and CMMD515 when patience ends.
 */
export async function probeMedia(
  ffmpegPath: string,
  path: string,
  signal: AbortSignal,
  patience?: number,
): Promise<MediaInfo> {
  await requireFile(path);
  const { stderr } = await runFfmpeg(ffmpegPath, inputFile(path), { signal, patience });
  const info = readBanner(stderr);
  if (info === undefined) throw mediaError(path, stderr);
  const stream = info.video ? "0:V:0" : "0:a:0";
  return { ...info, duration: info.duration ?? (await playingTime(ffmpegPath, path, stream, signal, patience)) };
}

/** The first input that FFmpeg describes; its duration where the container knows it. Undefined when it could read none. */
export function readBanner(
  banner: string,
): (Omit<MediaInfo, "duration"> & { readonly duration: number | undefined }) | undefined {
  const input = /^Input #0[\s\S]*?(?=^(?:At least one output|Output #0|Stream mapping)|$(?![\s\S]))/m.exec(banner)?.[0];
  if (input === undefined) return undefined;
  const clock = /^\s*Duration: (\d+):(\d+):([\d.]+)/m.exec(input);
  const duration = clock ? Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]) : undefined;
  return { duration, video: videoStream(input), audio: audioStream(input) };
}

function streams(input: string, kind: "Video" | "Audio"): string[] {
  return input.split("\n").filter((line) => /^\s*Stream #0:\d+/.test(line) && line.includes(`: ${kind}: `));
}

/** What FFmpeg assumes where a damaged container says no frame rate. */
const unknownRate = 25;

function videoStream(input: string): MediaInfo["video"] {
  const line = streams(input, "Video").find((text) => !text.includes("(attached pic)"));
  const size = line && /, (\d+)x(\d+)[ ,]/.exec(line);
  if (!line || !size) return undefined;
  const rate = /, ([\d.]+)(k?) fps/.exec(line) ?? /, ([\d.]+)(k?) tbr/.exec(line);
  return {
    codec: /Video: (\w+)/.exec(line)![1]!,
    width: Number(size[1]),
    height: Number(size[2]),
    rate: (rate && exactRate(Number(rate[1]) * (rate[2] ? 1000 : 1))) || unknownRate,
    ...highRange(line),
  };
}

function highRange(line: string): { highRange?: "pq" | "hlg" } {
  if (/[(,/ ]smpte2084[),/ ]/.test(line)) return { highRange: "pq" };
  return /[(,/ ]arib-std-b67[),/ ]/.test(line) ? { highRange: "hlg" } : {};
}

function audioStream(input: string): MediaInfo["audio"] {
  const line = streams(input, "Audio")[0];
  const rate = line && /, (\d+) Hz/.exec(line);
  if (!line || !rate) return undefined;
  return { codec: /Audio: (\w+)/.exec(line)![1]!, rate: Number(rate[1]), channels: channelCount(line) };
}

/** FFmpeg prints two decimals; 23.98, 29.97 and 59.94 stand for 24000/1001, 30000/1001 and 60000/1001. */
function exactRate(printed: number): number {
  const whole = Math.round(printed);
  const ntsc = (whole * 1000) / 1001;
  return printed !== whole && Math.abs(printed - ntsc) < 0.006 ? ntsc : printed;
}

const layouts: readonly (readonly [RegExp, number])[] = [
  [/, mono\b/, 1],
  [/, stereo\b/, 2],
];

function channelCount(line: string): number {
  const named = layouts.find(([name]) => name.test(line))?.[1];
  if (named !== undefined) return named;
  const counted = /, (\d+) channels/.exec(line);
  if (counted) return Number(counted[1]);
  const surround = /, (\d+)\.(\d)/.exec(line.slice(line.indexOf(" Hz")));
  return surround ? Number(surround[1]) + Number(surround[2]) : 1;
}

/** Seconds that a stream lasts, 0 for one without any data. */
async function playingTime(
  ffmpegPath: string,
  path: string,
  stream: string,
  signal: AbortSignal,
  patience: number | undefined,
): Promise<number> {
  const args = ["-loglevel", "info", "-stats", ...inputFile(path), "-map", stream, "-c", "copy", "-f", "null", "-"];
  const { exitCode, stderr } = await runFfmpeg(ffmpegPath, args, { signal, patience });
  const times = [...stderr.matchAll(/time=(\d+):(\d+):([\d.]+)/g)];
  if (exitCode !== 0) throw mediaError(path, stderr);
  const last = times.at(-1);
  return last ? Number(last[1]) * 3600 + Number(last[2]) * 60 + Number(last[3]) : 0;
}
