import type { VocoderPipeline } from "../pipeline/resolved.js";
import { copiedSounds, copiesMade } from "./copied-sounds.js";
import { writeReport } from "./report.js";
import { readSoundDefinition } from "./sound-definition.js";
import type { Stage } from "./stage.js";

/** One page that a person can look at: the same stage for pipelines that train a vocoder. */
export const reportVocoder: Stage<VocoderPipeline> = {
  name: "report",
  reads: ["prepare", "train", "copy", "evaluate"],
  applies: () => true,
  depends: ({ report: used, name }) => ({ report: used as never, name }),
  components: ({ report: used, prepare }) => [used, ...prepare.audio.slice(-1)],
  run: async (input) =>
    writeReport(input, {
      groups: await (input.inputs.copy ? copiesMade(input) : copiedSounds(input)),
      featureDefinition: readSoundDefinition(input.inputs.prepare!),
    }),
};
