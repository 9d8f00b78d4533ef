import { dirname } from "node:path";
import type { AnyPipeline } from "../pipeline/resolved.js";
import type { Json } from "../plugin/components.js";
import { Store } from "../store/store.js";
import type { DiffusionBatch, DiffusionFacts } from "../train/drawing.js";
import { computingOf } from "./computing.js";
import type { Stage } from "./stage.js";

/** Without what changes when training is saved and how many steps a run has, but not what comes out, and without the name of what it begins with, whose content counts. */
export function trainOptions({ checkpoints, from: _, steps_per_run: __, ...options }: AnyPipeline["train"]) {
  const { keep_every } = checkpoints;
  return { ...options, ...(keep_every !== undefined && { checkpoints: { keep_every } }) };
}

/** The content of what training begins with, if the pipeline names any. */
export async function originContent(pipeline: AnyPipeline, store: Store): Promise<Json | undefined> {
  if (pipeline.train.from === undefined) return undefined;
  const { originOf } = await import("../train/origin.js");
  return (await originOf(pipeline, store))?.content;
}

/** Latents and features to weights. */
export const train: Stage = {
  name: "train",
  reads: ["render", "prepare", "encode"],
  applies: () => true,
  depends: (pipeline) => ({
    model: pipeline.model as never,
    diffusion: pipeline.diffusion,
    train: trainOptions(pipeline.train) as never,
    ...computingOf(pipeline),
  }),
  sources: originContent,
  components: ({ model, latents, prepare, train: { losses, samples } }) => [
    model,
    ...losses,
    ...(samples
      ? [latents, prepare.codec, samples.sampler, samples.vocoder, ...(samples.guidance ? [samples.guidance] : [])]
      : []),
  ],
  async run(input) {
    const [{ train: run }, { diffusionObjective }, { openDrawingThread }, { originOf }, { foreseenProblems }] =
      await Promise.all([
        import("../train/trainer.js"),
        import("../train/diffusion-objective.js"),
        import("../train/draw-ahead.js"),
        import("../train/origin.js"),
        import("../sample/sources.js"),
      ]);
    const drawing = await openDrawingThread<DiffusionFacts, DiffusionBatch>(input);
    try {
      // Better told now than when the training is over; there is still time to correct it.
      for (const { code, message, hint } of await foreseenProblems(input))
        input.context.warn(`${code} ${message}: generate would stop. ${hint}`);
      const objective = await diffusionObjective(input, drawing);
      const origin = () => originOf(input.pipeline, new Store(dirname(input.programs)));
      return await run(input, objective, { origin, incidental: objective.model.incidental ?? [] });
    } finally {
      await drawing.close();
    }
  },
};
