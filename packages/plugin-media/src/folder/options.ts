import { mediaExtensions } from "@cmmd/core";
import { type Static, Type } from "@sinclair/typebox";

export const folderOptions = Type.Object(
  {
    root: Type.String({ minLength: 1, description: "Folder with video files." }),
    extensions: Type.Array(Type.String({ pattern: "^[A-Za-z0-9]+$" }), {
      default: [...mediaExtensions.video],
      minItems: 1,
      description: "File-name endings to take, in any case.",
    }),
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
