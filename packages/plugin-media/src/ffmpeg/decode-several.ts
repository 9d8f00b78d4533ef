import { CmmdError, type Decoded } from "@cmmd/core";
import { complete, decodeSpan, gained } from "./decode.js";
import { readLog } from "./log.js";
import { requireFile } from "./probe.js";
import { runFfmpeg } from "./process.js";
import { outputRates, type TimedRequest } from "./rates.js";
import { inputOf, leadInto, outputsOf, readers, readOf } from "./span.js";

/**
 * Decodes neighbouring spans of one file, ordered by their beginnings and alike in all else, picture and sound, in one run of FFmpeg: what lies
 * between them is decoded, but a run less is begun for each. Where that fails, or the file ends before a span does, each is decoded as
 * `decodeSpan` does.
 */
export async function decodeSeveral(ffmpegPath: string, requests: readonly TimedRequest[]): Promise<Decoded[]> {
  const together = await inOneRun(ffmpegPath, requests).catch((error: unknown) => {
    if (error instanceof CmmdError) return undefined;
    throw error;
  });
  if (together) return together;
  const decoded: Decoded[] = [];
  for (const request of requests) decoded.push(await decodeSpan(ffmpegPath, request));
  return decoded;
}

async function inOneRun(ffmpegPath: string, requests: readonly TimedRequest[]): Promise<Decoded[] | undefined> {
  const first = requests[0]!;
  const audioFilters = await gained(ffmpegPath, first, await requireFile(first.path));
  const rates = await outputRates(ffmpegPath, first);
  const { seek } = leadInto(first.start, rates);
  const spans = requests.map((one, i) => {
    const request = { ...one, audioFilters };
    const lead = { ...leadInto(one.start, rates), sought: seek };
    // The numbers 0 to 2 are spoken for.
    const pipes = { picture: 3 + 2 * i, sound: 4 + 2 * i };
    return { request, lead, pipes, into: readers(request, rates, lead) };
  });
  // FFmpeg closes outputs that have all their pictures in the order of the outputs, and stops at the first one that lacks some: after a sound
  // that is not complete, it would read on to the end of the file.
  const outputs = (["video", "audio"] as const).flatMap((only) =>
    spans.flatMap(({ request, lead, pipes }) => outputsOf({ ...request, only }, rates, lead, pipes)),
  );
  const { exitCode, stderr } = await runFfmpeg(ffmpegPath, [...inputOf(first, seek), ...outputs], {
    signal: first.signal,
    patience: first.patience,
    outputs: Object.fromEntries(
      spans.flatMap(({ pipes, into }) => [
        [pipes.picture, (chunk: Buffer) => into.pixmaps.push(chunk)],
        [pipes.sound, (chunk: Buffer) => into.sound.push(chunk)],
      ]),
    ),
  });
  if (exitCode !== 0) return undefined;
  const { banner } = readLog(stderr);
  const read = spans.map(({ request, into }) => readOf(request, rates, into, banner));
  // Some FFmpegs repeat the last picture of a file where the clock of a span is not the run's.
  const within = ({ length = 0 }: Decoded, { start, duration }: TimedRequest) => start + duration <= length;
  if (!read.every((one, i) => !one.highRange && complete(one, requests[i]!) && within(one, requests[i]!)))
    return undefined;
  return read.map(({ highRange: _, ...decoded }) => decoded);
}
