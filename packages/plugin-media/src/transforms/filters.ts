import { defineTransform } from "@cmmd/core";
import { Type } from "@sinclair/typebox";
import { frameRateFilter } from "../ffmpeg/frame-rate.js";

export const fps = defineTransform({
  summary: "A constant frame rate: each frame is the picture on display at its time.",
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

export const resample = defineTransform({
  summary: "A fixed sample rate.",
  options: Type.Object(
    { rate: Type.Integer({ minimum: 4000, maximum: 192_000, description: "Samples per second." }) },
    { additionalProperties: false },
  ),
  modality: "audio",
  filter: ({ rate }) => `aresample=${rate}`,
  rate: ({ rate }) => rate,
});
