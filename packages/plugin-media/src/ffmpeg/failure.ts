import { CmmdError } from "@cmmd/core";

interface Reading {
  readonly sign: RegExp;
  readonly code: string;
  /** Completes the sentence `"path" ...`. */
  readonly says: string;
  readonly hint: string;
}

/** What FFmpeg's words mean for the user, most specific first. */
const readings: readonly Reading[] = [
  {
    sign: /misdetection possible/,
    code: "CMMD301",
    says: "is not a media file that FFmpeg can read",
    hint: "Check what the file is: its name promises picture or sound.",
  },
  {
    sign: /moov atom not found/,
    code: "CMMD301",
    says: "is truncated: its index, at the end of the file, is missing",
    hint: "Copy or download the file again.",
  },
  {
    sign: /partial file|corrupt input packet|Invalid NAL unit size|File ended prematurely|Truncating packet|EBML header parsing failed/i,
    code: "CMMD301",
    says: "is truncated or damaged: its data end before its index says so",
    hint: "Copy or download the file again.",
  },
  {
    sign: /Permission denied/,
    code: "CMMD301",
    says: "may not be read: permission denied",
    hint: "Change the file's permissions.",
  },
  {
    sign: /No such filter: '(?:zscale|tonemap)'/,
    code: "CMMD322",
    says: "is of high dynamic range, which this FFmpeg, built without zimg, cannot convert",
    hint: "Install an FFmpeg with the filter zscale, set CMMD_FFMPEG to one, or convert the file to BT.709.",
  },
  {
    sign: /No such filter: '(\w+)'|Error (?:initializ|pars|applying|reinitializ|configuring|opening).*filter/i,
    code: "CMMD320",
    says: "cannot be filtered as the pipeline asks",
    hint: "Check the transforms under prepare.video and prepare.audio.",
  },
  {
    sign: /Decoder \(codec (\w+)\) not found|Unknown decoder|codec not currently supported|Could not find codec parameters/,
    code: "CMMD301",
    says: "holds a stream that this FFmpeg cannot decode",
    hint: "Install a newer FFmpeg, or convert the file to H.264 and AAC.",
  },
  {
    sign: /: End of file\s*$/m,
    code: "CMMD301",
    says: "ends before there is anything to play",
    hint: "Copy or download the file again.",
  },
  {
    sign: /Error opening input|: Invalid data found when processing input\s*$/m,
    code: "CMMD301",
    says: "is not a media file that FFmpeg can read",
    hint: "Check that it is a film or a sound file, and complete.",
  },
];

/** The error for a file without the given stream: CMMD303 for the picture, CMMD302 for the sound. */
export function missingStream(path: string, kind: "video" | "audio"): CmmdError {
  return new CmmdError(kind === "video" ? "CMMD303" : "CMMD302", `"${path}" has no ${kind} stream`, {
    hint: "Leave this file out, or give one with picture and sound.",
  });
}

/** The error for a file of sound that ends with its header. */
export const missingSamples = (path: string) =>
  new CmmdError("CMMD302", `"${path}" holds no sound: it has a header, but no samples`, {
    hint: "Record, export or download the file again, or leave it out.",
  });

/** The error for a run of FFmpeg over `path` that failed, in the user's terms; FFmpeg's own first words come along. */
export function mediaError(path: string, stderr: string): CmmdError {
  const words = firstWords(stderr);
  const reading = readings.find(({ sign }) => sign.test(stderr));
  if (reading === undefined)
    return new CmmdError("CMMD301", `"${path}" cannot be decoded (FFmpeg: ${words})`, {
      hint: "Play the file to see whether it is damaged, or leave it out.",
    });
  return new CmmdError(reading.code, `"${path}" ${reading.says} (FFmpeg: ${words})`, { hint: reading.hint });
}

/** FFmpeg's first complaint, without the address of the complaining object; later lines only follow from it. */
function firstWords(stderr: string): string {
  const line = stderr
    .split("\n")
    .map((text) => text.trim())
    .find((text) => text !== "");
  return line?.replace(/^(\[[^\]]*\]\s*)+/, "") ?? "no reason given";
}
