import { type Static, Type } from "@sinclair/typebox";

export const codecOptions = Type.Object(
  {
    time_limit: Type.Number({
      default: 60,
      exclusiveMinimum: 0,
      maximum: 86_400,
      description:
        "Seconds that FFmpeg may take over a file without giving a picture or a sound; then it is ended, and the file rejected.",
    }),
  },
  { additionalProperties: false },
);
export type CodecOptions = Static<typeof codecOptions>;
