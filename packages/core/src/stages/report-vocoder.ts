import { join } from "node:path";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import { showPipeline } from "../pipeline/show.js";
import { copiedSounds } from "./copied-sounds.js";
import { curvesOf, factsOf } from "./report.js";
import { readSoundDefinition } from "./sound-definition.js";
import type { Stage } from "./stage.js";

/** One page that a person can look at: the same stage for pipelines that train a vocoder. */
export const reportVocoder: Stage<VocoderPipeline> = {
  name: "report",
  reads: ["prepare", "train"],
  applies: () => true,
  depends: ({ report: used, name }) => ({ report: used as never, name }),
  components: ({ report: used, prepare }) => [used, ...prepare.audio.slice(-1)],
  async run(input) {
    const { pipeline, context, inputs, component } = input;
    const body = await component("reports", pipeline.report.use);
    const name = await body.write(
      pipeline.report.options,
      {
        pipeline: { name: pipeline.name, path: pipeline.path, resolved: showPipeline(pipeline) },
        groups: await copiedSounds(input),
        featureDefinition: readSoundDefinition(inputs.prepare!),
        curves: curvesOf(inputs.train!),
        facts: factsOf(inputs),
      },
      context,
    );
    input.artifact("report", join(context.folder, name));
    return { file: name };
  },
};
