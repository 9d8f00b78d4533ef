import { type ClipPlace, CmmdError, defineNegative, type Modality, type OptionProblem } from "@cmmd/core";
import { type Static, Type } from "@sinclair/typebox";
import { exchange } from "./spans.js";

const options = Type.Object({
  frames: Type.Optional(
    Type.Tuple([Type.Integer({ minimum: 1 }), Type.Integer({ minimum: 1 })], {
      description: "Smallest and largest shift in video frames; 2 to 4 when neither this nor `ms` is given.",
    }),
  ),
  ms: Type.Optional(
    Type.Tuple([Type.Number({ exclusiveMinimum: 0 }), Type.Number({ exclusiveMinimum: 0 })], {
      description:
        "Smallest and largest shift in milliseconds instead: the sound is moved by whole feature frames, the video by whole frames.",
    }),
  ),
  beyond: Type.Union([Type.Literal("error"), Type.Literal("roll")], {
    default: "error",
    description:
      "What becomes of a clip whose recording does not go on far enough on either side: training does not start, or the clip is rolled in a circle, which puts its end before its beginning.",
  }),
});
type Options = Static<typeof options>;

/** The shifts that the options allow, in steps of the modality, the smallest first. */
function shiftsOf({ frames = [2, 4], ms }: Options, rates: ClipPlace["rates"], modality: Modality): number[] {
  const [least, most] = ms ? ms.map((value) => (value / 1000) * rates[modality]) : frames;
  const first = Math.ceil(least! - 1e-9);
  const count = Math.max(0, Math.floor(most! + 1e-9) - first + 1);
  const perStep = ms ? 1 : rates[modality] / rates.video;
  return Array.from({ length: count }, (_, i) => (first + i) * perStep);
}

export const temporalShift = defineNegative({
  summary: "The same recording moved in time, either way, by a random amount within a range.",
  options,
  check(entry, { clips }, path) {
    const problems: OptionProblem[] = [];
    const option = entry.ms ? "ms" : "frames";
    const problem = (message: string, hint: string) =>
      problems.push({ option, code: "CMMD550", message: `the negative "temporal-shift" ${message}`, hint });
    const range = entry[option] ?? [2, 4];
    const [least, most] = range as [number, number];
    if (entry.frames && entry.ms) problem(`has its range twice, in "frames" and in "ms"`, "Remove one of the two.");
    if (least > most)
      problem(`moves by at least ${least} and at most ${most}`, `Write ${option}: [${most}, ${least}].`);
    else if (clips) {
      const needed = Math.ceil((entry.ms ? (most / 1000) * clips.rates.video : most) - 1e-9);
      if (entry.beyond === "error" && needed > clips.context)
        problem(
          `moves by up to ${needed} video frames, but only ${clips.context} are kept on each side of a clip`,
          `Set data.clip.context to ${needed} or more, or shift by less.`,
        );
      const modality = path.includes("video") ? "video" : "audio";
      if (shiftsOf(entry, clips.rates, modality).length === 0)
        problem(
          `has no whole ${modality === "video" ? "video frame" : "feature frame"} between ${least} and ${most} ms`,
          `One takes ${Number((1000 / clips.rates[modality]).toFixed(2))} ms: widen the range.`,
        );
    }
    return problems;
  },
  plan(options, { clip, modality, random }) {
    const { before, after } = clip.context[modality];
    const length = clip.steps[modality];
    const shifts = shiftsOf(options, clip.rates, modality);
    const within = (direction: number) => shifts.filter((by) => by <= (direction < 0 ? before : after) + 1e-9);
    const preferred = random.uniform() < 0.5 ? -1 : 1;
    const direction = [preferred, -preferred].find((way) => within(way).length > 0);
    if (direction !== undefined) {
      const fitting = within(direction);
      return [{ clip, shift: direction * fitting[random.integer(fitting.length)]!, from: 0, to: length }];
    }
    const whole = shifts.map(Math.round).filter((by) => by % length !== 0);
    if (options.beyond === "error" || whole.length === 0) throw noRoom(clip, shifts[0], modality);
    const by = whole[random.integer(whole.length)]! % length;
    return exchange(clip, preferred < 0 ? length - by : by, length);
  },
});

function noRoom({ id, context, rates }: ClipPlace, least: number | undefined, modality: Modality): CmmdError {
  const seconds = (steps: number) => `${Number((steps / rates[modality]).toFixed(3))} s`;
  const { before, after } = context[modality];
  return new CmmdError(
    "CMMD551",
    `the recording of clip ${id} goes on for ${seconds(before)} before and ${seconds(after)} after it, less than the smallest shift${least === undefined ? "" : `, ${seconds(least)}`}`,
    { hint: "Shift by less, give it beyond: roll, or leave out recordings that are hardly longer than a clip." },
  );
}
