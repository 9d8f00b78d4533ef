import type { OptionProblem } from "@cmmd/core";
import { type Static, type TLiteral, Type } from "@sinclair/typebox";
import { classes, type SoundClass } from "./classes.js";

const someClasses = (description: string) =>
  Type.Optional(
    Type.Array(Type.Union(classes.map((name) => Type.Literal(name)) as TLiteral<SoundClass>[]), {
      uniqueItems: true,
      description,
    }),
  );

export const epicOptions = Type.Object(
  {
    root: Type.String({
      minLength: 1,
      description: "Folder that holds EPIC-KITCHENS/ (P01/videos/P01_01.MP4) and epic-sounds-annotations/.",
    }),
    videos: Type.String({ default: "EPIC-KITCHENS", description: "Folder of the participants, from `root`." }),
    annotations: Type.String({
      default: "epic-sounds-annotations",
      description: "Folder of EPIC_Sounds_train.csv and its like, from `root`.",
    }),
    sounds: Type.Optional(
      Type.String({
        minLength: 1,
        description: "Folder, from `root`, of sound files like P01_01.wav to use instead of the videos' own sound.",
      }),
    ),
    splits: Type.Array(Type.Union([Type.Literal("train"), Type.Literal("validation"), Type.Literal("test")]), {
      default: ["train", "validation"],
      minItems: 1,
      uniqueItems: true,
      description: "Which annotations to take. Those of test have times but no classes.",
    }),
    classes: someClasses("Sounds to cut recordings around; all when absent."),
    without: someClasses("Sounds to pass over: neither cut around nor counted among the events."),
    min_seconds: Type.Number({ default: 0, minimum: 0, description: "Shorter annotations are passed over." }),
    context: Type.Number({
      default: 1.5,
      minimum: 0,
      description: "Seconds kept before and after an annotation. With it, a short sound fills a clip.",
    }),
    join: Type.Boolean({
      default: true,
      description: "Make one recording of annotations that overlap with their context, else one of each.",
    }),
  },
  { additionalProperties: false },
);
export type EpicOptions = Static<typeof epicOptions>;

/** What asks for classes where there are none. */
export function withoutLabels(options: EpicOptions): OptionProblem[] {
  if (!options.splits.includes("test")) return [];
  return (["classes", "without"] as const)
    .filter((option) => (options[option]?.length ?? 0) > 0)
    .map((option) => ({
      option,
      code: "CMMD584",
      message: `"${option}" cannot choose among the annotations of the split test, which have no classes`,
      hint: "Take test out of data.splits, or leave this option out.",
    }));
}
