import { type Static, Type } from "@sinclair/typebox";

export const melOptions = Type.Object(
  {
    bins: Type.Integer({ minimum: 1, maximum: 512, default: 80, description: "Mel bands." }),
    window: Type.Integer({ minimum: 16, maximum: 16_384, default: 512, description: "Samples; a power of two." }),
    hop: Type.Integer({ minimum: 1, maximum: 16_384, default: 256, description: "Samples from frame to frame." }),
    fmin: Type.Number({ minimum: 0, default: 0, description: "Hz." }),
    fmax: Type.Number({ exclusiveMinimum: 0, default: 8000, description: "Hz; at most half the sample rate." }),
  },
  { additionalProperties: false },
);
export type MelOptions = Static<typeof melOptions>;
