import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readShards, type Shards } from "../data/shards.js";
import { CmmdError } from "../errors.js";
import type { ClipPlace, Modality, Span } from "../plugin/clips.js";
import type { Json } from "../plugin/components.js";
import { placeOf } from "../stages/clips.js";
import { readFeatureStatistics } from "../stages/features.js";
import { openPictures } from "../stages/pictures.js";
import type { Stage, StageInput } from "../stages/stage.js";
import { cutPictures, cutSound, whole } from "./cut.js";
import { type ConfiguredNegative, configuredNegatives, planNegative } from "./mixture.js";

/** Written pictures are enlarged to about this size, so that small clips can be watched. */
const watchableSize = 256;

/** One rendered negative; paths are relative to the folder. */
export interface NegativeExample {
  /** Where the negative stands in the pipeline, e.g. `train.losses.1.negatives.audio.0`. */
  readonly key: string;
  readonly use: string;
  readonly modality: Modality;
  readonly clip: string;
  readonly positive: string;
  readonly negative: string;
  /** Where what replaces the modality comes from, in words, e.g. `0.00-1.80 s: clip a_000018 from 0.30 s`. */
  readonly from: readonly string[];
}

/** What a span is, in seconds of the negative and of its source. */
function told(spans: readonly Span[], modality: Modality): string[] {
  let at = 0;
  return spans.map(({ clip, shift, from, to }) => {
    const seconds = (steps: number) => (steps / clip.rates[modality]).toFixed(2);
    const begin = at;
    at += to - from;
    return `${seconds(begin)}-${seconds(at)} s: clip ${clip.id} from ${seconds(shift + from)} s`;
  });
}

/** The training clips of prepared shards, without their latents. */
async function placesOf(shards: Shards, { pipeline, inputs }: StageInput): Promise<ClipPlace[]> {
  const statistics = readFeatureStatistics(inputs.prepare!);
  const rows = shards.index.filter(({ split }) => split === "train");
  const { shape } = await shards.tensor(rows[0]!.id, "features");
  return rows.map((row) => placeOf(row, { video: pipeline.data.clip.frames, audio: shape[0]! }, statistics));
}

function requireNegatives(negatives: readonly ConfiguredNegative[]): void {
  if (negatives.length > 0) return;
  throw new CmmdError("CMMD553", "no loss of this pipeline has negatives", {
    hint: "Add the loss `contrastive` or `cdcd` to train.losses.",
    exitCode: 2,
  });
}

/** The text beside the films that says what they are. */
function indexText(examples: readonly NegativeExample[]): string {
  const entries = examples.map(({ key, use, modality, clip, positive, negative, from }) =>
    [
      `${negative}  (positive: ${positive})`,
      `  ${use} (${key}): the ${modality} of clip ${clip} replaced by`,
      ...from.map((span) => `    ${span}`),
    ].join("\n"),
  );
  const head =
    "Negatives of training clips. A negative of the audio has the clip's picture with another sound, one of the video another picture with the clip's sound.";
  return `${[head, ...entries].join("\n\n")}\n`;
}

/** Prepared clips to films of the configured negatives beside the clips themselves, in pictures and sounds of the recordings, and `index.txt`. */
const examples: Stage = {
  name: "negatives",
  perDevice: false,
  reads: ["render", "prepare"],
  applies: () => true,
  depends: () => ({}),
  components: () => [],
  async run(input) {
    const { pipeline, context, component, inputs } = input;
    const { count } = input.options as { readonly count: number };
    const negatives = await configuredNegatives(input);
    requireNegatives(negatives);
    const shards = await readShards(inputs.prepare!);
    const pictures = await openPictures(input);
    const statistics = readFeatureStatistics(inputs.prepare!);
    const pool = await placesOf(shards, input);
    const { codec: used } = pipeline.prepare;
    const codec = await component("codecs", used.use);
    const film = async (name: string, video: readonly Span[], audio: readonly Span[]) => {
      const frames = await cutPictures(pictures, video);
      const waveform = await cutSound(shards, audio, statistics);
      const scale = Math.max(1, Math.round(watchableSize / frames.height));
      const media = { frames, rate: statistics.rates.video, waveform, scale };
      await codec.encode(join(context.folder, name), media, used.options, context);
    };
    const made: NegativeExample[] = [];
    for (const [i, negative] of negatives.entries())
      for (let k = 0; k < count; k++) {
        context.signal.throwIfAborted();
        const { key, modality } = negative;
        const { use } = negative.entry;
        const random = context.random("negative examples", i, k);
        const clip = pool[random.integer(pool.length)]!;
        const spans = planNegative(negative, clip, pool, random);
        const name = `${String(i + 1).padStart(2, "0")}-${modality}-${use}-${k + 1}`;
        const files = { positive: `${name}.positive.mp4`, negative: `${name}.negative.mp4` };
        const own = { video: whole(clip, "video"), audio: whole(clip, "audio") };
        const other = { ...own, [modality]: spans };
        await film(files.positive, own.video, own.audio);
        await film(files.negative, other.video, other.audio);
        made.push({ key, use, modality, clip: clip.id, ...files, from: told(spans, modality) });
        context.progress(made.length, negatives.length * count, "negatives");
      }
    await writeFile(join(context.folder, "index.txt"), indexText(made));
    return { examples: made as unknown as Json };
  },
};

export const stages: readonly Stage[] = [examples];
