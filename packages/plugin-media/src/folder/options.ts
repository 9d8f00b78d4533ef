import { type Static, Type } from "@sinclair/typebox";

export const folderOptions = Type.Object(
  {
    root: Type.String({
      minLength: 1,
      description: "Folder with video files, or, for a pipeline of sound alone, with sound or video files.",
    }),
    extensions: Type.Optional(
      Type.Array(Type.String({ pattern: "^[A-Za-z0-9]+$" }), {
        minItems: 1,
        description:
          "File-name endings to take, in any case; when absent those of videos and, for a pipeline of sound alone, of sounds.",
      }),
    ),
    recursive: Type.Boolean({ default: true, description: "Search the folders inside too." }),
    holdout: Type.Number({
      minimum: 0,
      maximum: 0.9,
      default: 0.1,
      description: "Fraction of the files kept for testing, at least one; of a single file, its end.",
    }),
  },
  { additionalProperties: false },
);
export type FolderOptions = Static<typeof folderOptions>;
