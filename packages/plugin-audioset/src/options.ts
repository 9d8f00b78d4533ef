import { type Static, Type } from "@sinclair/typebox";

const root = Type.String({ minLength: 1, description: "Folder of the download." });
const media = Type.String({ default: ".", description: "Folder of the media files, at any depth, from `root`." });
const list = (split: string) =>
  Type.Optional(Type.String({ minLength: 1, description: `List of the split ${split}, from \`root\`.` }));

export const audiosetOptions = Type.Object(
  {
    root,
    media,
    segments: Type.Object(
      { train: list("train"), validation: list("validation"), test: list("test") },
      {
        additionalProperties: false,
        minProperties: 1,
        default: { train: "balanced_train_segments.csv", test: "eval_segments.csv" },
        description: "AudioSet's list of segments for each split.",
      },
    ),
    labels: Type.String({
      default: "class_labels_indices.csv",
      description: "AudioSet's list of class names, from `root`.",
    }),
    classes: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        uniqueItems: true,
        description: "Names of classes of which a segment must have one, e.g. Drum kit; all segments when absent.",
      }),
    ),
    video: Type.Boolean({
      default: true,
      description:
        "Take files with picture and sound alone; otherwise, and where a vocoder is trained, sound files too.",
    }),
  },
  { additionalProperties: false },
);
export type AudiosetOptions = Static<typeof audiosetOptions>;

export const vggsoundOptions = Type.Object(
  {
    root,
    media,
    list: Type.String({ default: "vggsound.csv", description: "VGGSound's list, from `root`." }),
    splits: Type.Array(Type.Union([Type.Literal("train"), Type.Literal("test")]), {
      default: ["train", "test"],
      minItems: 1,
      uniqueItems: true,
      description: "Which of the list's splits to take.",
    }),
    classes: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        uniqueItems: true,
        description: "Labels to take, e.g. people marching; all when absent.",
      }),
    ),
  },
  { additionalProperties: false },
);
export type VggsoundOptions = Static<typeof vggsoundOptions>;
