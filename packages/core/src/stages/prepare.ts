import type { ShardRow } from "../data/shards.js";
import { recordingsOf } from "../datasets/recordings.js";
import { CmmdError } from "../errors.js";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import type { Recording } from "../plugin/clips.js";
import { type Chain, chain } from "./chain.js";
import { ClipWriter } from "./clip-writer.js";
import { Decoders } from "./decoders.js";
import { keptFeatures, writeFeatureStatistics } from "./features.js";
import { inOrder } from "./in-order.js";
import { grouped, neighbourClips } from "./neighbour-clips.js";
import { listRejected, type Rejection, Rejections, warnOfRejected } from "./rejections.js";
import { reportSoundFaults, soundFaults } from "./sound-faults.js";
import type { Stage, StageInput } from "./stage.js";
import type { Cut } from "./windows.js";

/** Bytes of decoded clips that may wait for those before them to be written. */
const waitingBytes = 192 << 20;

/** A clip's tensors and its line in the index. */
async function write(writer: ClipWriter, { data }: ResolvedPipeline, chained: Chain, recording: Recording, cut: Cut) {
  const { window, frames, waveform, sound } = cut;
  const features = chained.features.compute(chained.definition, sound);
  const kept = keptFeatures(features.frames);
  const start = (recording.start ?? 0) + window.from / chained.videoRate;
  const seconds = data.clip.frames / chained.videoRate;
  await writer.add(
    window.id,
    {
      frames: { shape: [frames.count, frames.height, frames.width, 3], data: frames.data },
      waveform: { shape: [waveform.samples.length], data: waveform.samples },
      features: { shape: [kept, features.bins], data: features.data.subarray(0, kept * features.bins) },
    },
    {
      split: recording.split,
      recording: recording.id,
      start,
      events: (recording.events ?? []).map((t) => t - start).filter((t) => t >= 0 && t < seconds),
      before: window.before,
      after: window.after,
      ...soundFaults(sound.samples),
      ...(recording.label === undefined ? {} : { label: recording.label }),
      ...(recording.facts === undefined ? {} : { facts: recording.facts }),
    },
  );
}

/**
 * Cuts the recordings into clips, several at once, and writes them in the order of the dataset. A killed run goes on with the recording of the
 * last clip that is in a shard, and those that are decoded with it: the list of rejections is on disk by then.
 */
async function prepareRecordings(input: StageInput, chained: Chain, recordings: readonly Recording[]) {
  const { pipeline, context } = input;
  const writer = await ClipWriter.open(context.folder, pipeline.prepare.shard_mb * 1e6);
  const places = new Map(recordings.map(({ id }, i) => [id, i]));
  const failed = new Set<string>();
  const wanted = {
    input,
    chained,
    has: (id: string) => writer.has(id),
    isRejected: (id: string) => failed.has(id),
    decoders: new Decoders(pipeline.prepare.parallel),
  };
  const groups = await grouped(wanted, recordings);
  const last = writer.index.at(-1)?.recording;
  const begun = Math.max(
    0,
    groups.findIndex((group) => group.some(({ id }) => id === last)),
  );
  const first = places.get(groups[begun]?.[0]?.id ?? "") ?? 0;
  const rejections = await Rejections.open(context.folder, (id) => places.get(id)! < first);
  const stretches = inOrder(
    groups.slice(begun).map((group) => neighbourClips(wanted, group)),
    {
      get atOnce() {
        return wanted.decoders.atOnce;
      },
      bytes: waitingBytes,
      signal: context.signal,
    },
  );
  for await (const { recording, cuts, failure, part } of stretches) {
    const { id } = recording;
    if (failed.has(id)) continue;
    const reject = (error: CmmdError) => rejections.add(recording, error);
    for (const cut of cuts)
      if (cut === undefined) await reject(new CmmdError("CMMD311", "picture or sound ends before the clip does"));
      else if (!writer.has(cut.window.id)) await write(writer, pipeline, chained, recording, cut);
    if (failure) {
      failed.add(id);
      await reject(failure);
    }
    context.progress(Math.round((places.get(id)! + part) * 100) / 100, recordings.length, "recordings");
  }
  await writer.close();
  return { index: writer.index, rejected: rejections.rows };
}

/** Fails when too much was rejected, or when nothing is left to train or test on. */
function judge(pipeline: ResolvedPipeline, rows: readonly ShardRow[], rejected: readonly Rejection[]) {
  const { max_rejected: most } = pipeline.data;
  const total = rows.length + rejected.length;
  if (rows.length === 0)
    throw new CmmdError("CMMD512", `no usable clip in the dataset "${pipeline.data.use}"\n${listRejected(rejected)}`, {
      hint: "Check data.root, and that the files have picture and sound and are long enough.",
    });
  if (rejected.length / total > most)
    throw new CmmdError(
      "CMMD513",
      `${rejected.length} of ${total} clips were rejected, more than data.max_rejected = ${most}\n${listRejected(rejected)}`,
      { hint: "Repair or remove these files, or raise data.max_rejected." },
    );
  if (!rows.some(({ split }) => split === "train"))
    throw new CmmdError("CMMD514", `the dataset "${pipeline.data.use}" has no clip to train on`, {
      hint: "Change the dataset's options so that some recordings are in the split `train`.",
    });
}

/** Media files to clips: pictures, sound and features in shards, what could not be used in `rejected.jsonl`. */
export const prepare: Stage = {
  name: "prepare",
  perDevice: false,
  reads: ["render"],
  applies: () => true,
  depends({ data, prepare: { keep: _, parallel: __, ...prepare } }) {
    return { data: data as never, prepare: prepare as never };
  },
  components: ({ data, prepare }) => [data, prepare.codec, ...prepare.video, ...prepare.audio],
  async run(input) {
    const { pipeline, context, component } = input;
    const chained = await chain(input);
    const dataset = await component("datasets", pipeline.data.use);
    const source = { ...context, folder: input.inputs.render ?? context.folder };
    const recordings = await recordingsOf(dataset, pipeline.data.options, source);
    const { index, rejected } = await prepareRecordings(input, chained, recordings);
    warnOfRejected(rejected, (message) => context.warn(message));
    judge(pipeline, index, rejected);
    const faults = reportSoundFaults(index, context);
    const { mean, std } = await writeFeatureStatistics(context.folder, chained.definition, {
      video: chained.videoRate,
      audio: chained.audioRate,
    });
    const splits = Object.fromEntries(
      ["train", "validation", "test"].map((split) => [split, index.filter((row) => row.split === split).length]),
    );
    context.log(
      `${index.length} clips (${Object.entries(splits)
        .filter(([, count]) => count > 0)
        .map(([split, count]) => `${count} ${split}`)
        .join(", ")}), ${rejected.length} rejected`,
    );
    return {
      clips: index.length,
      ...splits,
      rejected: rejected.length,
      ...faults,
      feature_mean: mean,
      feature_std: std,
    };
  },
};
