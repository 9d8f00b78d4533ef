import { type Static, type TLiteral, Type } from "@sinclair/typebox";

/** The nine classes of Landscape. */
export const classes = [
  "explosion",
  "fire crackling",
  "raining",
  "splashing water",
  "squishing water",
  "thunder",
  "underwater bubbling",
  "waterfall burbling",
  "wind noise",
] as const;
export type LandscapeClass = (typeof classes)[number];

export const landscapeOptions = Type.Object(
  {
    root: Type.String({ minLength: 1, description: "Folder that holds train/ and test/, or landscape/ with them." }),
    splits: Type.Array(Type.Union([Type.Literal("train"), Type.Literal("test")]), {
      default: ["train", "test"],
      minItems: 1,
      uniqueItems: true,
      description: "Which folders to take.",
    }),
    classes: Type.Optional(
      Type.Array(Type.Union(classes.map((name) => Type.Literal(name)) as TLiteral<LandscapeClass>[]), {
        minItems: 1,
        uniqueItems: true,
        description: "Classes to take, by the names of folders or files; all videos when absent.",
      }),
    ),
  },
  { additionalProperties: false },
);
export type LandscapeOptions = Static<typeof landscapeOptions>;
