import { type Static, Type } from "@sinclair/typebox";

export const syntheticOptions = Type.Object(
  {
    scene: Type.Union([Type.Literal("bench"), Type.Literal("dancer")], {
      default: "bench",
      description:
        "bench: a tool strikes an object. dancer: a figure whose hips are lowest on the beat of a drum loop.",
    }),
    clips: Type.Object(
      {
        train: Type.Integer({ minimum: 1, maximum: 2000, default: 64, description: "Recordings to train on." }),
        test: Type.Integer({ minimum: 0, maximum: 500, default: 12, description: "Recordings kept for testing." }),
      },
      { additionalProperties: false, default: {}, description: "How many recordings to render." },
    ),
    seconds: Type.Number({ minimum: 2, maximum: 300, default: 6, description: "Length of each recording." }),
    size: Type.Integer({
      minimum: 32,
      maximum: 1024,
      multipleOf: 2,
      default: 128,
      description: "Width and height in pixels.",
    }),
    rate: Type.Number({ minimum: 10, maximum: 120, default: 30, description: "Frames per second." }),
    distractors: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.15,
      description: "Probability that an event is replaced by a sound without motion or a motion without sound.",
    }),
    variety: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 1,
      description: "How much recordings differ in tools, materials, colours and positions: 0 is easiest to learn.",
    }),
    noise_db: Type.Number({
      minimum: -120,
      maximum: -20,
      default: -62,
      description:
        "Level of the room's noise in dB of full scale; -120 is silence between the events, easiest to learn.",
    }),
    seed: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 4294967295, description: "Seed of the scenes; the pipeline's when absent." }),
    ),
  },
  { additionalProperties: false },
);
export type SyntheticOptions = Static<typeof syntheticOptions>;
export type SceneName = SyntheticOptions["scene"];
