import { fileURLToPath } from "node:url";
import { type Static, Type } from "@sinclair/typebox";

/** What a folder or a repository's file of weights is called. */
export const weightsFile = "model.safetensors";

/** Folder of the weights that come with this package. */
export const shippedWeights = fileURLToPath(new URL("../weights", import.meta.url));

const discriminatorOptions = Type.Object(
  {
    scales: Type.Integer({ minimum: 1, maximum: 6, default: 3, description: "Discriminators, each at half the rate." }),
    ndf: Type.Integer({
      minimum: 4,
      maximum: 256,
      multipleOf: 4,
      default: 16,
      description: "Channels after the first convolution.",
    }),
    layers: Type.Integer({ minimum: 1, maximum: 6, default: 4, description: "Grouped convolutions." }),
    factor: Type.Integer({
      minimum: 2,
      maximum: 8,
      default: 4,
      description: "How much coarser each of them makes the sound.",
    }),
  },
  { additionalProperties: false, description: "Of training: the networks that the vocoder is trained against." },
);

export const melganOptions = Type.Object(
  {
    weights: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "A folder of `model.safetensors` and `config.json` as `cmmd import` and `cmmd export` write them, hf://owner/repo[@revision], or runs:PIPELINE[@STEP], the newest training of a pipeline; of a training, also by its folder, the averaged weights. When absent, the small one that comes with cmmd.",
      }),
    ),
    ngf: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 256,
        description: "Of training: channels before the last convolution; 32 when absent.",
      }),
    ),
    ratios: Type.Optional(
      Type.Array(Type.Integer({ minimum: 2, maximum: 32 }), {
        minItems: 1,
        maxItems: 8,
        description:
          "Of training: factors of upsampling, whose product is the hop of the features; 8, 8, 2, 2 when absent.",
      }),
    ),
    residual_layers: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 5,
        description: "Of training: residual blocks after each upsampling; 3 when absent.",
      }),
    ),
    discriminator: Type.Optional(discriminatorOptions),
  },
  { additionalProperties: false },
);
export type MelganOptions = Static<typeof melganOptions>;

/** The official sizes, for what the options leave out. */
export const officialSizes = {
  ngf: 32,
  ratios: [8, 8, 2, 2],
  residual_layers: 3,
  discriminator: { scales: 3, ndf: 16, layers: 4, factor: 4 },
} as const;
