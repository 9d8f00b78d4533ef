import { aistLists, aistPlace } from "../layouts/aist.js";
import type { Scene } from "../scene.js";
import { dancerPicture } from "./picture.js";
import { planDancer } from "./plan.js";
import { dancerSound } from "./sound.js";

/** A figure dancing to drums, in AIST++'s layout. */
export const dancerScene: Scene = {
  perform(seed, index, split, options) {
    const plan = planDancer(seed, index, options);
    const { id, sequence } = aistPlace(index, plan.music);
    return {
      id,
      media: `${id}.mp4`,
      split,
      events: plan.beats.filter(({ heard }) => heard).map(({ time }) => time),
      distractors: {
        sounds: plan.extra,
        motions: plan.beats.filter(({ heard }) => !heard).map(({ time }) => time),
      },
      facts: { scene: "dancer", tempo: plan.tempo, sequence },
      pictures() {
        const picture = dancerPicture(plan, options.size);
        return (frame) => picture(frame / options.rate);
      },
      sound: (rate) => dancerSound(plan, options.seconds, rate, options.noise_db),
    };
  },
  lists(performances) {
    const sequences = (train: boolean) =>
      performances.filter(({ split }) => (split === "train") === train).map(({ facts }) => String(facts.sequence));
    return aistLists({ train: sequences(true), test: sequences(false) });
  },
};
