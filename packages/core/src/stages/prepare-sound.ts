import { availableParallelism } from "node:os";
import { type ShardRow, ShardWriter } from "../data/shards.js";
import { recordingsOf } from "../datasets/recordings.js";
import { CmmdError } from "../errors.js";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import type { Recording } from "../plugin/clips.js";
import { inOrder } from "./in-order.js";
import { listRejected, type Rejection, Rejections, warnOfRejected } from "./rejections.js";
import { type SoundChain, soundChain } from "./sound-chain.js";
import { soundClips } from "./sound-clips.js";
import { writeSoundDefinition } from "./sound-definition.js";
import { reportSoundFaults, soundFaults } from "./sound-faults.js";
import type { Stage, StageInput } from "./stage.js";

/** Decoders that run at once, and bytes of decoded clips that may wait for those before them to be written. */
const mostAtOnce = 6;
const waitingBytes = 48 << 20;

/** Cuts the recordings into clips, several at once, and writes them in the order of the dataset. */
async function prepareRecordings(
  input: StageInput<VocoderPipeline>,
  chained: SoundChain,
  recordings: readonly Recording[],
) {
  const { pipeline, context } = input;
  const writer = await ShardWriter.open(context.folder);
  const places = new Map(recordings.map(({ id }, i) => [id, i]));
  // A killed run goes on with the recording of the last clip that is in a shard.
  const begin = places.get(writer.index.at(-1)?.recording as string) ?? 0;
  const rejections = await Rejections.open(context.folder, (id) => (places.get(id) ?? begin) < begin);
  const failed = new Set<string>();
  const stretches = inOrder(
    recordings.slice(begin).map((one) => soundClips(input, chained, (id) => writer.has(id), one)),
    { atOnce: Math.min(availableParallelism(), mostAtOnce), bytes: waitingBytes, signal: context.signal },
  );
  for await (const { recording, clips, failure } of stretches) {
    const { id, split, label, facts } = recording;
    for (const { id: clip, from, samples } of clips) {
      if (writer.has(clip)) continue;
      const data = new Float32Array(pipeline.data.clip.samples);
      data.set(samples);
      await writer.add(
        clip,
        { waveform: { shape: [data.length], data } },
        {
          split,
          recording: id,
          start: (recording.start ?? 0) + from / chained.rate,
          samples: samples.length,
          ...soundFaults(samples),
          ...(label === undefined ? {} : { label }),
          ...(facts === undefined ? {} : { facts }),
        },
      );
    }
    if (failure && !failed.has(id)) {
      failed.add(id);
      await rejections.add(recording, failure);
    }
    context.progress(places.get(id)! + 1, recordings.length, "recordings");
  }
  await writer.close();
  return { index: writer.index, rejected: rejections.rows };
}

/** Fails when too much was rejected, or when nothing is left to train on. */
function judge({ data }: VocoderPipeline, rows: readonly ShardRow[], rejected: readonly Rejection[], total: number) {
  if (rows.length === 0)
    throw new CmmdError("CMMD512", `no usable sound in the dataset "${data.use}"\n${listRejected(rejected)}`, {
      hint: "Check data.root, and that the files have sound.",
    });
  if (rejected.length / total > data.max_rejected)
    throw new CmmdError(
      "CMMD513",
      `${rejected.length} of ${total} recordings were rejected, more than data.max_rejected = ${data.max_rejected}\n${listRejected(rejected)}`,
      { hint: "Repair or remove these files, or raise data.max_rejected." },
    );
  const learnt = rows.filter(({ split }) => split === "train");
  if (learnt.length > 0 && learnt.every(({ silent }) => silent === true))
    throw new CmmdError(
      "CMMD514",
      `every clip of the dataset "${data.use}" to train on is silent: there is nothing to learn`,
      {
        hint: "Listen to the recordings (cmmd data show); check the filters in prepare.audio.",
      },
    );
  if (learnt.length === 0)
    throw new CmmdError("CMMD514", `the dataset "${data.use}" has no clip to train on`, {
      hint: "Change the dataset's options so that some recordings are in the split `train`.",
    });
}

/** Recordings to stretches of sound, in shards; what could not be used in `rejected.jsonl`. The same stage for pipelines without pictures. */
export const prepareSound: Stage<VocoderPipeline> = {
  name: "prepare",
  perDevice: false,
  reads: ["render"],
  applies: () => true,
  depends: ({ data, prepare }) => ({ data: data as never, prepare: prepare as never }),
  components: ({ data, prepare }) => [data, prepare.codec, ...prepare.audio],
  async run(input) {
    const { pipeline, context, component } = input;
    const chained = await soundChain(input);
    const dataset = await component("datasets", pipeline.data.use);
    const source = { ...context, only: "audio" as const, folder: input.inputs.render ?? context.folder };
    const recordings = await recordingsOf(dataset, pipeline.data.options, source);
    const { index, rejected } = await prepareRecordings(input, chained, recordings);
    warnOfRejected(rejected, (message) => context.warn(message));
    judge(pipeline, index, rejected, recordings.length);
    writeSoundDefinition(context.folder, chained.definition);
    const faults = reportSoundFaults(index, context);
    const splits = Object.fromEntries(
      ["train", "validation", "test"].map((split) => [split, index.filter((row) => row.split === split).length]),
    );
    const heard = index.reduce((sum, { samples }) => sum + Number(samples), 0);
    const minutes = Math.round(heard / chained.rate / 6) / 10;
    const counted = Object.entries(splits).flatMap(([split, count]) => (count > 0 ? [`${count} ${split}`] : []));
    context.log(
      `${index.length} clips (${counted.join(", ")}), ${minutes} minutes, ${rejected.length} recordings rejected`,
    );
    return { clips: index.length, ...splits, minutes, rejected: rejected.length, ...faults };
  },
};
