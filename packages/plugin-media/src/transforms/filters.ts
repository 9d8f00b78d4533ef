import { defineTransform } from "@cmmd/core";
import { Type } from "@sinclair/typebox";
import { frameRateFilter } from "../ffmpeg/frame-rate.js";
import { loudnessMark } from "../ffmpeg/loudness.js";

export const fps = defineTransform({
  summary: "A constant frame rate: each frame is the picture on display in the middle of its time.",
  options: Type.Object(
    { rate: Type.Number({ exclusiveMinimum: 0, maximum: 240, description: "Frames per second." }) },
    { additionalProperties: false },
  ),
  modality: "video",
  filter: ({ rate }) => frameRateFilter(rate),
  rate: ({ rate }) => rate,
});

/** Square as displayed: `sar`, a pixel's width over its height, is not 1 in anamorphic video. */
export const centerCrop = defineTransform({
  summary: "The largest centred square of the picture.",
  options: Type.Object({}, { additionalProperties: false }),
  modality: "video",
  filter: () => "crop=w='min(iw,ih/sar)':h='min(ih,iw*sar)'",
});

const side = (description: string) => Type.Integer({ minimum: 8, maximum: 4096, description });

/** Scales and converts to RGB in one step, as the chroma planes would otherwise be scaled to half the size first. */
export const resize = defineTransform({
  summary: "Pictures of a fixed size.",
  options: Type.Object(
    {
      size: Type.Union([
        side("Pixels of both sides."),
        Type.Object({ width: side("Pixels."), height: side("Pixels.") }, { additionalProperties: false }),
      ]),
      filter: Type.Union([Type.Literal("area"), Type.Literal("bicubic")], {
        default: "area",
        description:
          "`area` averages the pixels that a new pixel covers; `bicubic` is sharper and the one for enlarging.",
      }),
    },
    { additionalProperties: false },
  ),
  modality: "video",
  size: ({ size }) => (typeof size === "number" ? [size, size] : [size.height, size.width]),
  filter: ({ size, filter }) => {
    const { width, height } = typeof size === "number" ? { width: size, height: size } : size;
    const flags = [filter, "accurate_rnd", "full_chroma_int", "full_chroma_inp", "bitexact"].join("+");
    return `scale=${width}:${height}:flags=${flags},format=rgb24,setsar=1`;
  },
});

/**
 * A Kaiser-windowed sinc (beta 10) over 256 samples of the lower rate, which lets through what is below 0.95 of half of it and whose stop
 * band begins at that half: a sweep leaves aliases below -90 dB, where the default of 32 samples leaves -11 dB beside the half. In every
 * build of FFmpeg, other than soxr, so that the same file gives the same samples.
 */
export const resample = defineTransform({
  summary: "A fixed sample rate, by a Kaiser-windowed sinc of 256 taps (swresample) with aliases below -80 dB.",
  options: Type.Object(
    { rate: Type.Integer({ minimum: 4000, maximum: 192_000, description: "Samples per second." }) },
    { additionalProperties: false },
  ),
  modality: "audio",
  filter: ({ rate }) =>
    `aresample=${rate}:filter_size=256:cutoff=0.975:filter_type=kaiser:kaiser_beta=10:exact_rational=1:linear_interp=1`,
  rate: ({ rate }) => rate,
});

export const loudness = defineTransform({
  summary:
    "One gain for each file that brings its integrated loudness (ITU-R BS.1770) to a target; silence stays silent.",
  options: Type.Object(
    {
      lufs: Type.Number({ minimum: -60, maximum: -5, default: -23, description: "LUFS of a file's whole sound." }),
      most: Type.Number({
        minimum: 0,
        maximum: 60,
        default: 30,
        description:
          "Decibels of gain at most. Gain also ends where the largest sample would be clipped; both are said.",
      }),
    },
    { additionalProperties: false },
  ),
  modality: "audio",
  filter: loudnessMark,
});
