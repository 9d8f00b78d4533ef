import type { ResolvedPipeline } from "../pipeline/resolved.js";
import { loadClips } from "./clips.js";
import { computingOf } from "./computing.js";
import type { Stage } from "./stage.js";

const trainOptions = ({ train: { checkpoint_every: _, ...options } }: ResolvedPipeline) => options;

/** Latents and features to weights. */
export const train: Stage = {
  name: "train",
  reads: ["prepare", "encode"],
  applies: () => true,
  depends: (pipeline) => ({
    model: pipeline.model as never,
    diffusion: pipeline.diffusion,
    train: trainOptions(pipeline) as never,
    ...computingOf(pipeline),
  }),
  components: ({ model, train: { losses } }) => [model, ...losses],
  async run(input) {
    const { train: run } = await import("../train/trainer.js");
    const { clips, shape } = await loadClips(input, ["train"]);
    return run(input, clips, shape);
  },
};
