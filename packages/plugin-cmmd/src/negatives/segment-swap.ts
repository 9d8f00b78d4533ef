import { CmmdError, defineNegative, type OptionProblem } from "@cmmd/core";
import { Type } from "@sinclair/typebox";
import { partnerKinds, partnerOf } from "./partner.js";
import { exchange } from "./spans.js";

const share = Type.Number({ minimum: 0, maximum: 1 });

/** The first and last step at which a clip of `length` steps may be cut; both sides keep a step at least. */
const cuts = ([least, most]: readonly [number, number], length: number) => ({
  first: Math.max(1, Math.ceil(least * length - 1e-9)),
  last: Math.min(length - 1, Math.floor(most * length + 1e-9)),
});

export const segmentSwap = defineNegative({
  summary: "The clip cut at a random point and one side taken from another clip, or both sides exchanged.",
  options: Type.Object({
    with: Type.Union([...partnerKinds, Type.Literal("itself")], {
      default: "another-recording",
      description:
        "Where the new side comes from: the same side of a clip of another recording, of the same one, or of any; `itself` exchanges the clip's two sides.",
    }),
    side: Type.Optional(
      Type.Union([Type.Literal("before"), Type.Literal("after"), Type.Literal("either")], {
        description: "Which side of the cut is replaced; either when absent.",
      }),
    ),
    split: Type.Tuple([share, share], {
      default: [0.25, 0.75],
      description: "Where the cut may lie, from and to, as fractions of the clip.",
    }),
  }),
  check({ with: partner, side, split }, { clips }, path) {
    const problems: OptionProblem[] = [];
    const problem = (option: string, message: string, hint: string) =>
      problems.push({ option, code: "CMMD550", message: `the negative "segment-swap" ${message}`, hint });
    if (partner === "itself" && side !== undefined)
      problem("side", `exchanges both sides "with: itself"`, `Remove "side", or take the side from another clip.`);
    if (split[0] > split[1])
      problem("split", `is cut between ${split[0]} and ${split[1]}`, `Write split: [${split[1]}, ${split[0]}].`);
    else if (clips) {
      const length = clips.steps[path.includes("video") ? "video" : "audio"];
      const { first, last } = cuts(split, length);
      if (first > last)
        problem(
          "split",
          `has no place for the cut: clips have ${length} steps`,
          "Widen the range, or use longer clips.",
        );
    }
    return problems;
  },
  plan({ with: partner, side = "either", split }, input) {
    const { clip, modality, random } = input;
    const length = clip.steps[modality];
    const { first, last } = cuts(split, length);
    if (first > last)
      throw new CmmdError(
        "CMMD551",
        `clip ${clip.id} has ${length} steps, too few to be cut between ${split.join(" and ")}`,
        {
          hint: `Widen "split".`,
        },
      );
    const at = first + random.integer(last - first + 1);
    if (partner === "itself") return exchange(clip, at, length);
    const before = side === "either" ? random.uniform() < 0.5 : side === "before";
    const other = partnerOf("segment-swap", partner, input);
    const [left, right] = before ? [other, clip] : [clip, other];
    return [
      { clip: left, shift: 0, from: 0, to: at },
      { clip: right, shift: 0, from: at, to: length },
    ];
  },
});
