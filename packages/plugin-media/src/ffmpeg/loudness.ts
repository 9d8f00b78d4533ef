import { runFfmpeg } from "./process.js";

/** A gain that brings the loudness of a file's whole sound to `lufs`: LUFS, and decibels of gain at most. */
interface Loudness {
  readonly lufs: number;
  readonly most: number;
}

/** Stands among filter expressions for the `volume` filter that `gainFilters` puts in its place once it has measured the file. */
export function loudnessMark({ lufs, most }: Loudness): string {
  return `loudness=${lufs}:${most}`;
}

const mark = /^loudness=(-?[\d.]+):([\d.]+)$/;

/** BS.1770's absolute gate: nothing is measured below it, and so nothing is made louder. */
const silence = -70;

interface Measured {
  /** Integrated loudness in LUFS. */
  readonly loudness: number;
  /** Largest absolute sample. */
  readonly peak: number;
}

/**
 * `filters` with gains instead of marks. Each gain is one number for the file: from the integrated loudness (ITU-R BS.1770-4, FFmpeg's
 * ebur128) of all its sound, after the filters `before` and those ahead of the mark, to what is asked, but not so much that a sample
 * would leave [-1, 1] or that it exceeds `most`. Silence stays as it is, and so does a file whose sound cannot be read.
 */
export async function gainFilters(
  filters: readonly string[],
  before: readonly string[],
  measure: (filters: readonly string[]) => Promise<Measured | undefined>,
  told: (message: string) => void,
): Promise<string[]> {
  const settled: string[] = [];
  for (const filter of filters) {
    const asked = mark.exec(filter);
    if (asked === null) {
      settled.push(filter);
      continue;
    }
    const [lufs, most] = [Number(asked[1]), Number(asked[2])];
    const found = await measure([...before, ...settled]);
    if (found === undefined || found.loudness <= silence) continue;
    const wanted = lufs - found.loudness;
    const gain = Math.min(wanted, most, -20 * Math.log10(found.peak));
    if (gain < wanted - 0.05) {
      const why = gain === most ? `more than ${most} dB of gain would be needed` : "it would be clipped";
      told(
        `is brought from ${found.loudness.toFixed(1)} to ${(found.loudness + gain).toFixed(1)} LUFS only, as ${why}`,
      );
    }
    settled.push(`volume=${gain.toFixed(4)}dB:precision=float`);
  }
  return settled;
}

/** Loudness and peak of all the sound of a file after `filters`; undefined when there is none or it cannot be read. */
export async function measureLoudness(
  ffmpegPath: string,
  input: readonly string[],
  filters: readonly string[],
  limits: { readonly signal: AbortSignal; readonly patience?: number },
): Promise<Measured | undefined> {
  let rest = "";
  let loudness: number | undefined;
  let peak: number | undefined;
  const read = (chunk: Buffer) => {
    const lines = (rest + chunk.toString("latin1")).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const found = /^lavfi\.r128\.(I|sample_peaks_ch0)=(.+)$/.exec(line);
      if (found?.[1] === "I") loudness = Number(found[2]);
      else if (found) peak = Number(found[2]);
    }
  };
  const meter = ["ebur128=metadata=1:peak=sample:framelog=verbose", "ametadata=mode=print:file='pipe\\:1'"];
  const { exitCode } = await runFfmpeg(
    ffmpegPath,
    ["-loglevel", "error", ...input, "-map", "0:a:0", "-af", [...filters, ...meter].join(","), "-f", "null", "-"],
    { ...limits, outputs: { 1: read } },
  );
  if (exitCode !== 0 || loudness === undefined || peak === undefined) return undefined;
  return Number.isFinite(loudness) && peak > 0 ? { loudness, peak } : undefined;
}
