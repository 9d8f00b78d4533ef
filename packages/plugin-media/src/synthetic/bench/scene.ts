import { type EpicClass, type EpicSound, epicPlace, epicTable } from "../layouts/epic.js";
import type { Scene } from "../scene.js";
import { shownTime } from "../shutter.js";
import { type MaterialName, toolMaterials } from "./materials.js";
import { benchPicture } from "./picture.js";
import { type BenchPlan, planBench } from "./plan.js";
import { benchSound } from "./sound.js";

const classes: Readonly<Record<"metal" | "wood", Readonly<Record<MaterialName, EpicClass>>>> = {
  metal: { metal: "metal-only collision", wood: "metal / wood collision", glass: "metal / glass collision" },
  wood: { metal: "metal / wood collision", wood: "wood-only collision", glass: "wood / glass collision" },
};
/** Seconds that a sound is annotated for, unless the next one comes earlier. */
const audible: Readonly<Record<MaterialName | "thud", number>> = { wood: 0.25, metal: 0.9, glass: 0.5, thud: 0.25 };

/** A workbench in EPIC-KITCHENS' layout with EPIC-SOUNDS' annotations. */
export const benchScene: Scene = {
  perform(seed, index, split, options) {
    const plan = planBench(seed, index, options);
    const events = plan.strokes.filter(({ contact }) => contact).map(({ time }) => time);
    const { video: id, media } = epicPlace(index);
    return {
      id,
      media,
      split,
      events,
      distractors: {
        sounds: plan.offScreen.map(({ time }) => time),
        motions: plan.strokes.filter(({ contact }) => !contact).map(({ time }) => time),
      },
      facts: {
        scene: "bench",
        tool: plan.tool,
        material: plan.material,
        strengths: plan.strokes.filter(({ contact }) => contact).map(({ strength }) => strength),
      },
      pictures() {
        const picture = benchPicture(plan, options.size);
        return (frame) => picture(shownTime(frame, options.rate, events));
      },
      sound: (rate) => benchSound(plan, options.seconds, rate, options.noise_db),
    };
  },
  lists(performances, options) {
    const table = (train: boolean) =>
      epicTable(
        performances
          .filter(({ split }) => (split === "train") === train)
          .map((performance) => ({ video: performance.id, sounds: annotate(performance, options.seconds) })),
      );
    return {
      "epic-sounds-annotations/EPIC_Sounds_train.csv": table(true),
      "epic-sounds-annotations/EPIC_Sounds_validation.csv": table(false),
    };
  },
};

/** All that is heard, in time order: EPIC-SOUNDS is annotated by ear, so sounds from elsewhere are in it as background. */
function annotate({ events, distractors, facts }: Parameters<Scene["lists"]>[0][number], seconds: number): EpicSound[] {
  const { tool, material } = facts as { tool: BenchPlan["tool"]; material: MaterialName };
  const strikes = events.map((start) => ({
    start,
    length: audible[material],
    description: `${tool} on ${material}`,
    class: classes[toolMaterials[tool]][material],
  }));
  const thuds = distractors.sounds.map((start) => ({
    start,
    length: audible.thud,
    description: "thud from elsewhere",
    class: "background" as const,
  }));
  const sounds = [...strikes, ...thuds].sort((a, b) => a.start - b.start);
  return sounds.map(({ length, ...sound }, i) => ({
    ...sound,
    stop: Math.min(sound.start + length, sounds[i + 1]?.start ?? seconds, seconds),
  }));
}
