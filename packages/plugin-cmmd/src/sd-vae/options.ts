import { type Static, Type } from "@sinclair/typebox";
import { limitOptions } from "../autoencoder/options.js";

/** The file of a repository in diffusers' form that holds an autoencoder's weights. */
export const weightsFile = "diffusion_pytorch_model.safetensors";

export const sdVaeOptions = Type.Object(
  {
    weights: Type.String({
      default: "hf://stabilityai/sd-vae-ft-mse",
      description: "Path of the published safetensors file, or hf://owner/repo[@revision][/file].",
    }),
    encode: Type.Union([Type.Literal("mean"), Type.Literal("sample")], {
      default: "mean",
      description:
        "Latents are the mean of what the encoder says, or drawn from it: the same for the same picture and seed.",
    }),
    ...limitOptions,
  },
  { additionalProperties: false },
);
export type SdVaeOptions = Static<typeof sdVaeOptions>;
