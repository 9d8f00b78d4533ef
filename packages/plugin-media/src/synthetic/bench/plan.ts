import { type Random, stream } from "@cmmd/core";
import type { Camera } from "../drawing/canvas.js";
import { type MaterialName, materialNames, type ToolName, toolNames } from "./materials.js";

/** A stroke of the tool. `strength` in [0.5, 1] sets how high it is raised and how loud it sounds. */
export interface Stroke {
  /** Seconds: of the contact, or of the lowest point of a stroke that stops short. */
  readonly time: number;
  readonly strength: number;
  readonly contact: boolean;
}

/** Everything about one recording of the bench. */
export interface BenchPlan {
  readonly tool: ToolName;
  readonly material: MaterialName;
  /** In time order. */
  readonly strokes: readonly Stroke[];
  /** Sounds from outside the picture. */
  readonly offScreen: readonly { readonly time: number; readonly strength: number }[];
  /** Horizontal place of the object's middle, in picture sides. */
  readonly objectX: number;
  /** Factors on the object's width and height. */
  readonly width: number;
  readonly height: number;
  /** Turns in [-0.5, 0.5] by which wall, bench, object and tool depart from their usual hue. */
  readonly hues: readonly [number, number, number, number];
  readonly tiles: boolean;
  readonly camera: Camera;
  /** Factor on the object's mode frequencies. */
  readonly pitch: number;
  /** For grain, chips and noise. */
  readonly seed: number;
}

const firstStroke = 0.6;
/** The last stroke's sound is heard before the end. */
const tail = 0.35;

/** The plan of recording `index`. `variety` and `distractors` as in the options. */
export function planBench(
  seed: number,
  index: number,
  { seconds, variety, distractors }: { seconds: number; variety: number; distractors: number },
): BenchPlan {
  const look = stream(seed, "synthetic bench look", index);
  const about = (spread: number) => (2 * look.uniform() - 1) * spread * variety;
  const pick = <T>(names: readonly T[]) => names[look.integer(1 + Math.round((names.length - 1) * variety))]!;
  return {
    tool: pick(toolNames),
    material: pick(materialNames),
    ...planStrokes(stream(seed, "synthetic bench strokes", index), seconds, distractors),
    objectX: 0.36 + about(0.07),
    width: 1 + about(0.14),
    height: 1 + about(0.16),
    hues: [about(0.5), about(0.03), about(0.06), about(0.5)],
    tiles: pick([true, false]),
    camera: { x: about(0.035), y: about(0.03), zoom: 1 + about(0.06) },
    pitch: 2 ** about(0.35),
    seed: look.integer(1 << 30),
  };
}

/** Gaps of at least 0.38 s with an exponential part, so that the next stroke cannot be told from the last one. */
function planStrokes(random: Random, seconds: number, distractors: number): Pick<BenchPlan, "strokes" | "offScreen"> {
  const strokes: Stroke[] = [];
  const offScreen: { time: number; strength: number }[] = [];
  let time = firstStroke + 0.4 * random.uniform();
  while (time < seconds - tail) {
    const strength = 0.55 + 0.45 * random.uniform();
    const kind = random.uniform();
    if (kind >= distractors) strokes.push({ time, strength, contact: true });
    else if (kind < distractors / 2) offScreen.push({ time, strength });
    else strokes.push({ time, strength, contact: false });
    time += 0.38 + Math.min(1.2, -0.36 * Math.log(1 - random.uniform()));
  }
  return { strokes, offScreen };
}
