import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A film in which a flash and a beep begin together, in a form that media files have in the wild. */
interface OddMedia {
  readonly name: string;
  /** FFmpeg's arguments for the file: codecs and filters. */
  readonly args: readonly string[];
  /** Arguments before the file as an input: a second run copies the streams. */
  readonly copied?: readonly string[];
  readonly edit?: (bytes: Buffer) => Buffer;
  readonly size?: readonly [width: number, height: number];
  readonly sound?: { readonly rate?: number; readonly seconds?: number };
  /** Seconds by which a stream's timestamps are moved. Its flash or beep comes as much earlier, so that they still coincide. */
  readonly late?: { readonly picture?: number; readonly sound?: number };
  /** Seconds from the beginning of the file at which flash and beep begin, where that is not `begins`. */
  readonly at?: number;
}

/** Seconds at which flash and beep begin, and how long they last. */
export const begins = 2.4;
const lasts = 0.2;

/** Dark for 5 s but for the flash; the upper left quarter is red. Thirty pictures per second. */
const film = (begin: number, [width, height]: readonly [number, number]) =>
  `color=0x282828:s=${width}x${height}:r=30:d=5,format=yuv444p,` +
  `drawbox=c=white:t=fill:enable='between(t,${begin - 0.01},${begin + lasts - 0.01})',` +
  "drawbox=w=iw/2:h=ih/2:c=red:t=fill";
/** A tone of 1 kHz. */
const beep = (begin: number, { rate = 48_000, seconds = 5 } = {}) =>
  `aevalsrc='0.7*sin(2*PI*1000*t)*between(t,${begin},${begin + lasts})':s=${rate}:d=${seconds}`;

const h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "45", "-pix_fmt", "yuv420p"];
const common = [...h264, "-c:a", "aac"];
const wave = [...h264, "-c:a", "pcm_s16le"];

/** Turns the picture, so that a player that turns it by the file's word shows it upright. */
const turned = { 90: "transpose=cclock", 180: "hflip,vflip", 270: "transpose=clock" };
/** Codes light as `transfer` says, with BT.2020's primaries, the film's white at 203 nits. */
const highRange = (transfer: string) => [
  ...["-vf", `format=gbrp,zscale=tin=bt709:pin=bt709:min=gbr:rin=full:t=${transfer}:p=bt2020:m=bt2020nc:r=tv:npl=203`],
  ...["-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast", "-c:a", "aac"],
  ...["-x265-params", `log-level=error:colorprim=bt2020:transfer=${transfer}:colormatrix=bt2020nc`],
];

export const oddMedia: readonly OddMedia[] = [
  { name: "plain.mp4", args: common },
  {
    name: "drops.mp4",
    args: ["-vf", "select='not(mod(n,7))+not(mod(n,5))+between(n,72,77)'", "-vsync", "vfr", ...common],
  },
  { name: "gap.mkv", args: ["-vf", "select='lt(n,20)+gte(n,72)'", "-vsync", "vfr", ...h264, "-c:a", "libopus"] },
  ...([90, 180, 270] as const).map((degrees) => ({
    name: `rotated-${degrees}.mp4`,
    args: ["-vf", turned[degrees], ...common],
    edit: (bytes: Buffer) => rotated(bytes, degrees),
  })),
  { name: "422-10-bit.mp4", args: [...common, "-pix_fmt", "yuv422p10le"] },
  { name: "422-10-bit.mov", args: ["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le", "-c:a", "pcm_s24le"] },
  { name: "pq.mp4", args: highRange("smpte2084") },
  { name: "hlg.mp4", args: highRange("arib-std-b67") },
  { name: "odd-size.mp4", args: [...common, "-pix_fmt", "yuv444p"], size: [161, 121] },
  { name: "odd-size.mkv", args: ["-c:v", "ffv1", "-pix_fmt", "yuv420p", "-c:a", "flac"], size: [161, 121] },
  { name: "8-khz.mp4", args: common, sound: { rate: 8000 } },
  { name: "surround.mp4", args: [...common, "-af", "pan=5.1|c2=c0"] },
  { name: "short-sound.mp4", args: common, sound: { seconds: 3 } },
  { name: "long-sound.mkv", args: wave, sound: { rate: 44_100, seconds: 9 } },
  ...["mp4", "mkv", "ts"].flatMap((kind): OddMedia[] => {
    const args = kind === "mkv" ? wave : common;
    return [
      { name: `late-picture.${kind}`, args, late: { picture: 0.7 } },
      { name: `late-sound.${kind}`, args, late: { sound: 0.7 } },
      // MP4 cuts what comes before zero by an edit list, the others move everything.
      { name: `early-sound.${kind}`, args, late: { sound: -0.7 }, at: kind === "mp4" ? begins : begins + 0.7 },
      // The clock of MP4 begins at zero, that of others with their first stream.
      {
        name: `late-both.${kind}`,
        args,
        late: { picture: 0.7, sound: 0.7 },
        at: kind === "mp4" ? begins : begins - 0.7,
      },
    ];
  }),
  { name: "edit-list.mp4", args: common, copied: ["-ss", "0.8"], at: begins - 0.8 },
  // Fragments may be written before the encoders' delays are known, which then are part of the clock.
  {
    name: "fragmented.mp4",
    args: [...common, "-movflags", "frag_keyframe+empty_moov+default_base_moof"],
    at: begins + 2 / 30,
  },
  { name: "fragmented-delayed.mp4", args: [...common, "-movflags", "frag_keyframe+delay_moov"] },
  {
    name: "no-keyframe-first.ts",
    args: common,
    edit: (bytes) => bytes.subarray(Math.floor((bytes.length * 0.2) / 188) * 188),
    at: begins - 0.7,
  },
];

/** Writes the display matrix of a rotation, clockwise, into the track header of the picture. */
function rotated(bytes: Buffer, degrees: number): Buffer {
  const header = bytes.indexOf("tkhd");
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  // After the type: version and flags 4, times, track and duration 20, reserved 8, layer to volume 8, then nine numbers of 16.16 bits.
  const matrix = header + 4 + 4 + 20 + 8 + 8;
  [cos, sin, 0, -sin, cos].forEach((value, i) => {
    bytes.writeInt32BE(Math.round(value * 65_536), matrix + 4 * i);
  });
  return bytes;
}

/** Makes the film in `folder` and returns its path. */
export function makeOddMedia(ffmpeg: string, folder: string, odd: OddMedia): string {
  const { name, args, copied, edit, size = [160, 120], sound, late = {} } = odd;
  const path = join(folder, name);
  const first = copied ? join(folder, `whole-${name}`) : path;
  const { picture: pictureLate = 0, sound: soundLate = 0 } = late;
  const run = (...all: readonly string[]) => execFileSync(ffmpeg, ["-v", "error", "-nostdin", "-y", ...all]);
  run(
    ...["-itsoffset", String(pictureLate), "-f", "lavfi", "-i", film(begins - pictureLate, size)],
    ...["-itsoffset", String(soundLate), "-f", "lavfi", "-i", beep(begins - soundLate, sound)],
    ...args,
    first,
  );
  if (copied) run(...copied, "-i", first, "-c", "copy", path);
  if (edit) writeFileSync(path, edit(readFileSync(path)));
  return path;
}
