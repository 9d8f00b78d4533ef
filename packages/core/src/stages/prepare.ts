import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ShardRow, ShardWriter } from "../data/shards.js";
import { CmmdError } from "../errors.js";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import type { Modality, Recording } from "../plugin/clips.js";
import type { CodecBody } from "../plugin/components.js";
import type { Decoded, DecodeRequest } from "../plugin/media.js";
import { type Chain, chain } from "./chain.js";
import { keptFeatures, writeFeatureStatistics } from "./features.js";
import type { Stage, StageInput } from "./stage.js";
import { cutClips, type Window, windowsOf } from "./windows.js";

/** Clips decoded by one call of FFmpeg: bounds memory for long recordings. */
const clipsPerDecode = 32;

interface Rejection {
  readonly id: string;
  readonly media: string;
  readonly code: string;
  readonly reason: string;
}

/** Errors that concern one recording; any other ends the stage. */
const rejectable = /^CMMD3(01|02|03|10|11)$/;

/** A span of a recording, whose sound may be a file of its own. */
async function decodeBoth(
  codec: CodecBody<unknown>,
  { media, sound }: Recording,
  span: Omit<DecodeRequest, "path" | "only">,
  { pipeline, context }: StageInput,
): Promise<Decoded> {
  const decode = (path: string, only?: Modality) =>
    codec.decode({ ...span, path, only }, pipeline.prepare.codec.options, context);
  if (sound === undefined) return decode(media);
  const [{ frames, rate }, { waveform }] = await Promise.all([decode(media, "video"), decode(sound, "audio")]);
  return { frames, rate, waveform };
}

async function prepareRecording(
  input: StageInput,
  chained: Chain,
  recording: Recording,
  writer: ShardWriter,
  reject: (reason: CmmdError) => void,
): Promise<void> {
  const { pipeline, context, component } = input;
  const { codec: used } = pipeline.prepare;
  const codec = await component("codecs", used.use);
  const { clip } = pipeline.data;
  const info = await codec.probe(recording.media, used.options, context);
  const start = recording.start ?? 0;
  const duration = Math.min(recording.duration ?? Number.POSITIVE_INFINITY, info.duration - start);
  const windows = windowsOf(recording.id, duration, chained.videoRate, clip);
  if (windows.length === 0)
    throw new CmmdError(
      "CMMD310",
      `${duration.toFixed(2)} s are too short for a clip of ${clip.frames} frames (${(clip.frames / chained.videoRate).toFixed(2)} s)`,
    );
  for (let at = 0; at < windows.length; at += clipsPerDecode) {
    const group: readonly Window[] = windows.slice(at, at + clipsPerDecode);
    if (group.every(({ id }) => writer.has(id))) continue;
    context.signal.throwIfAborted();
    const first = group[0]!.from - group[0]!.before;
    const last = group.at(-1)!;
    const frames = last.from + clip.frames + last.after - first;
    const span = { start: start + first / chained.videoRate, duration: frames / chained.videoRate };
    const decoded = await decodeBoth(codec, recording, { ...chained, ...span, signal: context.signal }, input);
    for (const cut of cutClips(decoded, first, group, clip.frames)) {
      if (cut === undefined) {
        reject(new CmmdError("CMMD311", "picture or sound ends before the clip does"));
        continue;
      }
      if (writer.has(cut.window.id)) continue;
      const features = chained.features.compute(chained.definition, cut.sound);
      const kept = keptFeatures(features.frames);
      const from = cut.window.from / chained.videoRate;
      const seconds = clip.frames / chained.videoRate;
      await writer.add(
        cut.window.id,
        {
          frames: {
            shape: [cut.frames.count, cut.frames.height, cut.frames.width, 3],
            data: cut.frames.data,
          },
          waveform: { shape: [cut.waveform.samples.length], data: cut.waveform.samples },
          features: { shape: [kept, features.bins], data: features.data.slice(0, kept * features.bins) },
        },
        {
          split: recording.split,
          recording: recording.id,
          start: start + from,
          events: (recording.events ?? []).map((t) => t - start - from).filter((t) => t >= 0 && t < seconds),
          before: cut.window.before,
          after: cut.window.after,
          ...(recording.label === undefined ? {} : { label: recording.label }),
          ...(recording.facts === undefined ? {} : { facts: recording.facts }),
        },
      );
    }
  }
}

/** Fails when too much was rejected, or when nothing is left to train or test on. */
function judge(pipeline: ResolvedPipeline, rows: readonly ShardRow[], rejected: readonly Rejection[]) {
  const { max_rejected: most } = pipeline.data;
  const total = rows.length + rejected.length;
  const listed = rejected.slice(0, 8).map(({ id, reason }) => `${id}: ${reason}`);
  if (rejected.length > 8) listed.push(`and ${rejected.length - 8} more`);
  if (rows.length === 0)
    throw new CmmdError("CMMD512", `no usable clip in the dataset "${pipeline.data.use}"\n${listed.join("\n")}`, {
      hint: "Check data.root, and that the files have picture and sound and are long enough.",
    });
  if (rejected.length / total > most)
    throw new CmmdError(
      "CMMD513",
      `${rejected.length} of ${total} clips were rejected, more than data.max_rejected = ${most}\n${listed.join("\n")}`,
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
  depends: ({ data, prepare }) => ({ data: data as never, prepare: prepare as never }),
  components: ({ data, prepare }) => [data, prepare.codec, ...prepare.video, ...prepare.audio],
  async run(input) {
    const { pipeline, context, component } = input;
    const chained = await chain(input);
    const dataset = await component("datasets", pipeline.data.use);
    const source = { ...context, folder: input.inputs.render ?? context.folder };
    const recordings: Recording[] = [];
    for await (const recording of dataset.clips(pipeline.data.options, source)) recordings.push(recording);
    const writer = await ShardWriter.open(context.folder);
    const rejected: Rejection[] = [];
    for (const [i, recording] of recordings.entries()) {
      context.signal.throwIfAborted();
      const reject = (error: CmmdError) =>
        rejected.push({ id: recording.id, media: recording.media, code: error.code, reason: error.message });
      try {
        await prepareRecording(input, chained, recording, writer, reject);
      } catch (error) {
        if (!(error instanceof CmmdError && rejectable.test(error.code))) throw error;
        reject(error);
      }
      context.progress(i + 1, recordings.length, "recordings");
    }
    await writer.close();
    writeFileSync(join(context.folder, "rejected.jsonl"), rejected.map((row) => `${JSON.stringify(row)}\n`).join(""));
    for (const { id, reason } of rejected.slice(0, 20)) context.warn(`rejected ${id}: ${reason}`);
    judge(pipeline, writer.index, rejected);
    const { mean, std } = await writeFeatureStatistics(context.folder, chained.definition, {
      video: chained.videoRate,
      audio: chained.audioRate,
    });
    const splits = Object.fromEntries(
      ["train", "validation", "test"].map((split) => [split, writer.index.filter((row) => row.split === split).length]),
    );
    context.log(
      `${writer.index.length} clips (${Object.entries(splits)
        .filter(([, count]) => count > 0)
        .map(([split, count]) => `${count} ${split}`)
        .join(", ")}), ${rejected.length} rejected`,
    );
    return { clips: writer.index.length, ...splits, rejected: rejected.length, feature_mean: mean, feature_std: std };
  },
};
