import { type Static, Type } from "@sinclair/typebox";

export const patchPcaOptions = Type.Object(
  {
    patch: Type.Integer({ minimum: 2, maximum: 16, default: 8, description: "Side of a patch in pixels." }),
    channels: Type.Integer({ minimum: 1, maximum: 768, default: 4, description: "Components kept of each patch." }),
    whiten: Type.Boolean({
      default: false,
      description: "Scale every channel to unit variance by itself, instead of all by one number.",
    }),
    patches: Type.Integer({
      minimum: 1000,
      default: 100_000,
      description: "Patches to fit to, at most; spread over all training frames.",
    }),
  },
  { additionalProperties: false },
);
export type PatchPcaOptions = Static<typeof patchPcaOptions>;
