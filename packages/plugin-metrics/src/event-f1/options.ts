import { type Static, Type } from "@sinclair/typebox";

const milliseconds = Type.Number({ exclusiveMinimum: 0, maximum: 10_000 });

export const eventF1Options = Type.Object(
  {
    tolerance_ms: Type.Union([milliseconds, Type.Array(milliseconds, { minItems: 1 })], {
      default: 100,
      description:
        "How far a detected onset may lie from the event that it matches; the first of a list is the headline.",
    }),
    events: Type.Union([Type.Literal("dataset"), Type.Literal("reference")], {
      default: "dataset",
      description:
        "What is matched: the dataset's event times, or (for data without them) the onsets detected in the reference sound.",
    }),
    threshold_db: Type.Number({
      exclusiveMinimum: 0,
      default: 2.5,
      description:
        "Mean rise over all bands within 12 ms that makes an onset. Lower finds weaker onsets and more false ones.",
    }),
    range_db: Type.Number({
      exclusiveMinimum: 0,
      default: 50,
      description: "What lies this far below the clip's loudest moment counts as silence.",
    }),
    gap_ms: Type.Number({ minimum: 0, default: 60, description: "Shortest time between two onsets." }),
  },
  { additionalProperties: false },
);
export type EventF1Options = Static<typeof eventF1Options>;
