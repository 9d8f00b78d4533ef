import { type Static, Type } from "@sinclair/typebox";
import { limitOptions } from "../autoencoder/options.js";

/** What the two files are called in a repository. */
export const weightsFiles = { encoder: "taef2_encoder.safetensors", decoder: "taef2_decoder.safetensors" } as const;

export const taef2Options = Type.Object(
  {
    encoder: Type.String({
      description: "Path of the encoder's safetensors file, or hf://owner/repo[@revision]/file.",
    }),
    decoder: Type.String({
      description: "Path of the decoder's safetensors file, or hf://owner/repo[@revision]/file.",
    }),
    ...limitOptions,
  },
  { additionalProperties: false },
);
export type Taef2Options = Static<typeof taef2Options>;
