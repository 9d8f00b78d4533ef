import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import type { EvaluationItem, Rendition } from "../plugin/components.js";
import { type CopySide, copies, readCopied, readCopies } from "./copy-sounds.js";
import { type Evaluation, metricsFile, scoresOf } from "./evaluate.js";
import type { Stage } from "./stage.js";

const noFrames = { count: 0, height: 0, width: 0, data: new Uint8Array(0) };

/** Scores the copies of a trained vocoder with every metric: the same stage for pipelines that train one. */
export const evaluateCopies: Stage<VocoderPipeline> = {
  name: "evaluate",
  reads: ["prepare", "copy"],
  applies: ({ evaluate: metrics }) => metrics.length > 0,
  depends: ({ evaluate: metrics }) => ({ evaluate: metrics as never }),
  components: ({ evaluate: metrics, prepare }) => [...metrics, ...prepare.audio.slice(-1)],
  async run(input) {
    const { pipeline, context, inputs } = input;
    // A clip's sounds lie in one file; metrics go from clip to clip.
    let last: { readonly id: string; readonly sounds: ReturnType<typeof readCopies> } | undefined;
    const sound = (id: string, side: CopySide): Rendition => {
      const read = async () => {
        if (last?.id !== id) last = { id, sounds: readCopies(input, id) };
        return (await last.sounds)[side];
      };
      return {
        waveform: async () => (await read()).waveform,
        features: async () => (await read()).features,
        frames: async () => noFrames,
      };
    };
    const items = readCopied(inputs.copy!).map(
      (id): EvaluationItem => ({
        id,
        split: pipeline.copy!.split,
        events: [],
        generated: sound(id, "copy"),
        reference: sound(id, "original"),
        control: sound(id, "control"),
      }),
    );
    let done = 0;
    const { scores, headline } = await scoresOf(input, copies, items, () =>
      context.progress(++done, pipeline.evaluate.length, "metrics"),
    );
    const results: Evaluation = { [copies.name]: scores };
    writeFileSync(join(context.folder, metricsFile), `${JSON.stringify(results, null, 2)}\n`);
    return headline;
  },
};
