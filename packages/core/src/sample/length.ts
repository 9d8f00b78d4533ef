import { CmmdError } from "../errors.js";
import type { PairShape } from "../plugin/clips.js";
import type { FeatureDefinition } from "../plugin/media.js";
import { inOnePiece, layWindows, type WindowLayout } from "./windows.js";

/** What the length of a generated clip depends on. */
interface LengthInput {
  readonly frames: number;
  /** Frames per network evaluation as asked for; chosen when absent. */
  readonly window?: number | undefined;
  /** Sizes of the clips that the network was trained on. */
  readonly trained: PairShape;
  readonly rates: { readonly video: number; readonly audio: number };
  readonly definition: FeatureDefinition;
  /** Whether the network takes clips of these sizes. */
  fits(shape: PairShape): boolean;
}

/** Feature frames are taken in multiples of this, so that three halvings divide them; the rest at the end is left out, as in `prepare`. */
const multiple = 8;
/** Largest part of the sound that may be left out: the network sees both modalities as equally long. */
const mostLeftOut = 0.01;

/** Feature frames that `frames` video frames last, not rounded. */
const featureFrames = (frames: number, { rates, definition }: Pick<LengthInput, "rates" | "definition">) =>
  (frames * rates.audio) / rates.video / definition.hop;

function shapeOf(frames: number, input: LengthInput): PairShape {
  const all = Math.floor(featureFrames(frames, input) + 1e-9);
  const { video, audio } = input.trained;
  return {
    video: [frames, ...(video.slice(1) as [number, number, number])],
    audio: [all - (all % multiple), audio[1]],
  };
}

/** Whether a single evaluation of the network can make a clip of `frames` frames. */
function fitsAtOnce(frames: number, input: LengthInput): boolean {
  if (frames === input.trained.video[0]) return true;
  const shape = shapeOf(frames, input);
  const all = Math.floor(featureFrames(frames, input) + 1e-9);
  return shape.audio[0] > 0 && (all - shape.audio[0]) / all <= mostLeftOut && input.fits(shape);
}

/** The nearest shorter and longer lengths that fit. */
function nearestFitting(frames: number, input: LengthInput): number[] {
  const towards = (step: -1 | 1) => {
    for (let n = frames + step; n > 0 && n <= frames + 64; n += step) if (fitsAtOnce(n, input)) return [n];
    return [];
  };
  return [...towards(-1), ...towards(1)];
}

/**
 * How clips of `frames` video frames are made: in one piece where the network takes that length and it is at most twice the trained one, otherwise in
 * overlapping windows. Throws CMMD536 with the nearest lengths that fit.
 */
export function planLength(input: LengthInput): WindowLayout {
  const { frames, window, trained } = input;
  const usual = trained.video[0];
  const atOnce = window === undefined ? frames <= 2 * usual && fitsAtOnce(frames, input) : frames <= window;
  const length = atOnce ? frames : (window ?? usual);
  if (frames < length || !fitsAtOnce(length, input)) {
    const asked = frames < length ? frames : length;
    const near = nearestFitting(asked, input);
    throw new CmmdError(
      "CMMD536",
      `the network cannot make ${asked} video frames at once: they last ${featureFrames(asked, input).toFixed(2)} feature frames, too far from a multiple of ${multiple}`,
      {
        hint: `The nearest that fit: ${[...near, usual].filter((n, i, all) => all.indexOf(n) === i).join(", ")} frames.`,
        exitCode: 2,
      },
    );
  }
  const shape = length === usual ? trained : shapeOf(length, input);
  return atOnce ? inOnePiece(shape) : layWindows(frames, shape, featureFrames(1, input));
}
