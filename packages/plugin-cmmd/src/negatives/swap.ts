import { defineNegative } from "@cmmd/core";
import { Type } from "@sinclair/typebox";
import { partnerKinds, partnerOf } from "./partner.js";

export const swap = defineNegative({
  summary: "The whole video or sound of another clip.",
  options: Type.Object({
    with: Type.Union([...partnerKinds], {
      default: "another-recording",
      description: "Which clips it may come from; `any` is any other clip, from the same recording as well.",
    }),
  }),
  plan: (options, input) => [
    { clip: partnerOf("swap", options.with, input), shift: 0, from: 0, to: input.clip.steps[input.modality] },
  ],
});
