import { type Static, Type } from "@sinclair/typebox";

export const htmlReportOptions = Type.Object(
  {
    examples: Type.Integer({
      minimum: 0,
      default: 6,
      description: "Clips shown per generation group; every one puts two videos into the file.",
    }),
  },
  { additionalProperties: false },
);
export type HtmlReportOptions = Static<typeof htmlReportOptions>;
