import { dirname } from "node:path";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import { Store } from "../store/store.js";
import type { SoundBatch, SoundFacts } from "../train/sound-drawing.js";
import { computingOf } from "./computing.js";
import type { Stage } from "./stage.js";
import { originContent, trainOptions } from "./train.js";

/** Sound to the weights of a vocoder: the same stage for pipelines that train one. */
export const trainVocoder: Stage<VocoderPipeline> = {
  name: "train",
  reads: ["prepare"],
  applies: () => true,
  depends: (pipeline) => ({
    vocoder: pipeline.vocoder as never,
    train: trainOptions(pipeline.train) as never,
    ...computingOf(pipeline),
  }),
  sources: originContent,
  components: ({ vocoder, prepare }) => [vocoder, ...prepare.audio.slice(-1)],
  async run(input) {
    const [{ train: run }, { vocoderObjective }, { openDrawingThread }, { originOf }] = await Promise.all([
      import("../train/trainer.js"),
      import("../train/vocoder-objective.js"),
      import("../train/draw-ahead.js"),
      import("../train/origin.js"),
    ]);
    const drawing = await openDrawingThread<SoundFacts, SoundBatch>(input);
    try {
      const objective = await vocoderObjective(input, drawing);
      const origin = () => originOf(input.pipeline, new Store(dirname(input.programs)));
      return await run(input, objective, { origin, incidental: [] });
    } finally {
      await drawing.close();
    }
  },
};
