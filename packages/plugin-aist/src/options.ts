import { type Static, type TLiteral, Type } from "@sinclair/typebox";
import { cameras, genres, situations } from "./names.js";

const someOf = <const W extends readonly string[]>(words: W, chosen: readonly W[number][], description: string) =>
  Type.Array(Type.Union(words.map((word) => Type.Literal(word)) as TLiteral<W[number]>[]), {
    default: [...chosen],
    minItems: 1,
    uniqueItems: true,
    description,
  });

const splits = ["train", "validation", "test"] as const;

export const aistOptions = Type.Object(
  {
    root: Type.String({ minLength: 1, description: "Folder with the videos, e.g. gBR_sBM_c01_d04_mBR0_ch01.mp4." }),
    layout: Type.Union([Type.Literal("official"), Type.Literal("tree")], {
      default: "official",
      description:
        "official: videos side by side and AIST++'s annotations. tree: folders train, val, test with videos at any depth, as MM-Diffusion's AIST++_crop.",
    }),
    annotations: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "Of the official layout: folder with splits/ and ignore_list.txt; when absent, annotations/ in `root`, else `root`.",
      }),
    ),
    splits: someOf(splits, splits, "Which of the cross-modal splits to take."),
    cameras: someOf(cameras, ["c01"], "Cameras to take of each sequence, c01 the front one."),
    genres: someOf(genres, genres, "Genres of dance to take."),
    situations: someOf(situations, situations, "Situations to take: BM basic, FM advanced, and so on."),
    ignore: Type.Boolean({
      default: true,
      description: "Leave out the sequences in ignore_list.txt, whose annotated poses are wrong.",
    }),
    holdout: Type.Number({
      minimum: 0,
      maximum: 0.9,
      default: 0.1,
      description: "Of a tree without folders train, val, test: fraction of the files kept for testing.",
    }),
  },
  { additionalProperties: false },
);
export type AistOptions = Static<typeof aistOptions>;
