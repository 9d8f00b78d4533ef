import { type Random, stream } from "@cmmd/core";
import type { Camera } from "../drawing/canvas.js";
import { isHouse, tempos } from "../layouts/aist.js";
import { poses } from "./poses.js";

interface Beat {
  /** Seconds. */
  readonly time: number;
  /** Whether a drum sounds on it; the figure dips all the same. */
  readonly heard: boolean;
}

/** Everything about one recording of the dancer. */
export interface DancerPlan {
  /** Beats per minute. */
  readonly tempo: number;
  /** Which of the genre's tempos that is. */
  readonly music: number;
  /** Seconds of the first beat. */
  readonly first: number;
  readonly beats: readonly Beat[];
  /** Seconds of drum strokes between beats, to which nobody moves. */
  readonly extra: readonly number[];
  /** Indices into `poses`, one a beat, repeated. */
  readonly phrase: readonly number[];
  /** Turns by which wall, shirt and trousers depart from their usual hue. */
  readonly hues: readonly [number, number, number];
  /** Lightness of skin in [0, 1]. */
  readonly skin: number;
  /** How far the hips sink on a beat, in picture sides. */
  readonly dip: number;
  readonly x: number;
  readonly camera: Camera;
  readonly seed: number;
}

/** The plan of recording `index`. `variety` and `distractors` as in the options. */
export function planDancer(
  seed: number,
  index: number,
  { seconds, variety, distractors }: { seconds: number; variety: number; distractors: number },
): DancerPlan {
  const look = stream(seed, "synthetic dancer look", index);
  const about = (spread: number) => (2 * look.uniform() - 1) * spread * variety;
  const genre = isHouse(index) ? tempos.house : tempos.usual;
  const music = look.integer(genre.length);
  const tempo = genre[music]!;
  const beat = 60 / tempo;
  const first = 0.15 + beat * look.uniform();
  const random = stream(seed, "synthetic dancer beats", index);
  const beats: Beat[] = [];
  const extra: number[] = [];
  for (let time = first; time < seconds - 0.15; time = first + beats.length * beat) {
    const kind = random.uniform();
    beats.push({ time, heard: kind >= distractors / 2 });
    if (kind >= distractors / 2 && kind < distractors && time + beat / 2 < seconds - 0.15) extra.push(time + beat / 2);
  }
  return {
    tempo,
    music,
    first,
    beats,
    extra,
    phrase: planPhrase(look),
    hues: [about(0.5), about(0.5), about(0.5)],
    skin: 0.6 + about(0.4),
    dip: 0.085 + about(0.012),
    x: 0.5 + about(0.06),
    camera: { x: about(0.03), y: about(0.02), zoom: 1 + about(0.05) },
    seed: look.integer(1 << 30),
  };
}

/** Four poses, each unlike the one before. */
function planPhrase(look: Random): number[] {
  const phrase = [look.integer(poses.length)];
  while (phrase.length < 4) phrase.push((phrase.at(-1)! + 1 + look.integer(poses.length - 1)) % poses.length);
  return phrase;
}
