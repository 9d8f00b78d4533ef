import { evenly } from "../data/evenly.js";
import { readShards, type ShardRow } from "../data/shards.js";
import { CmmdError } from "../errors.js";
import type { Generation } from "../pipeline/resolved.js";
import type { Recording } from "../plugin/clips.js";
import type { Features, Frames, Waveform } from "../plugin/media.js";
import { openClips } from "../stages/clips.js";
import { readFeatureStatistics } from "../stages/features.js";
import { preparedClip } from "../stages/originals.js";
import { openPictures } from "../stages/pictures.js";
import type { StageInput } from "../stages/stage.js";
import type { Media } from "./media.js";
import type { Condition } from "./sampler.js";
import type { WindowLayout } from "./windows.js";

/** A real clip in full. */
export interface Original {
  readonly frames: Frames;
  readonly waveform: Waveform;
  readonly features: Features;
}

/** A real clip that a generated one is conditioned on and compared with; read when it is needed. */
export interface Source {
  readonly id: string;
  /** Seconds from the first frame. */
  readonly events: readonly number[];
  /** Whether `prepare` has it; otherwise it is cut out of its recording. */
  readonly prepared: boolean;
  open(): Promise<{ readonly condition: Condition; readonly original: Original }>;
}

function noClip(code: string, message: string, hint: string): CmmdError {
  return new CmmdError(code, message, { hint });
}

/** What is wrong with a generation's count when there are `available` clips for it. */
function tooFew({ name, split, count }: Pick<Generation, "name" | "split" | "count">, available: number) {
  if (count === undefined || count <= available) return undefined;
  return noClip(
    "CMMD538",
    `the generation "${name}" asks for ${count} clips, but the split "${split}" has ${available} for it`,
    `Write count: ${available}, leave it out, or give the split more recordings.`,
  );
}

/**
 * As many of the candidates as the generation asks for, or `usual` of them, or all, where it does not say, spread evenly. Throws CMMD538
 * when there are fewer than it asks for.
 */
function spread<T>(candidates: readonly T[], generation: Generation, usual: number): T[] {
  const problem = tooFew(generation, candidates.length);
  if (problem) throw problem;
  return evenly(candidates, generation.count ?? usual);
}

/** What `generate` will stop with when training is over, as far as the prepared clips tell. */
export async function foreseenProblems({ pipeline, inputs }: StageInput): Promise<readonly CmmdError[]> {
  const { index } = await readShards(inputs.prepare!);
  const { frames: usual } = pipeline.data.clip;
  return pipeline.generate
    .filter(({ frames = usual }) => frames === usual)
    .map((generation) => tooFew(generation, index.filter(({ split }) => split === generation.split).length))
    .filter((problem) => problem !== undefined);
}

/** Clips of the trained length, as prepared and encoded. */
export async function preparedSources(input: StageInput, generations: readonly Generation[], usual: number) {
  const { inputs } = input;
  const { clips } = await openClips(input, [...new Set(generations.map(({ split }) => split))]);
  const shards = await readShards(inputs.prepare!);
  const pictures = await openPictures(input);
  const { rates } = readFeatureStatistics(inputs.prepare!);
  const inIndex = new Map(shards.index.map((row) => [row.id, row]));
  return (generation: Generation): Source[] => {
    const { name, split } = generation;
    const candidates = clips.filter((clip) => clip.split === split);
    if (candidates.length === 0)
      throw noClip(
        "CMMD530",
        `the dataset has no clip in the split "${split}" for the generation "${name}"`,
        "Change its `split`, or the dataset's options.",
      );
    return spread(candidates, generation, usual).map((clip) => ({
      id: clip.id,
      events: clip.events,
      prepared: true,
      open: async () => {
        const real = preparedClip(shards, pictures, inIndex.get(clip.id)!, clip.shape.video[0], rates);
        const [frames, waveform, features] = [await real.frames(), await real.waveform(), await real.features()];
        return { condition: clip, original: { frames, waveform, features } };
      },
    }));
  };
}

/** Where a recording is known to have picture and sound: from its first prepared clip to the end of its last one, in seconds of the file. */
function reachOf(rows: readonly ShardRow[], frames: number, rate: number) {
  const starts = rows.map(({ start }) => start as number);
  const ends = rows.map(({ start, after }) => (start as number) + (frames + (after as number)) / rate);
  return { starts, end: ends.reduce((a, b) => Math.max(a, b)) };
}

/** Clips of another length: cut out of the recordings of prepared clips, beginning where one of these begins, and encoded anew. */
export async function stretchedSources(
  input: StageInput,
  generation: Generation,
  { whole }: WindowLayout,
  media: Media,
  usual: number,
): Promise<Source[]> {
  const { pipeline, context, inputs, component } = input;
  const { name, split } = generation;
  const shards = await readShards(inputs.prepare!);
  const rows = shards.index.filter((row) => row.split === split);
  const dataset = await component("datasets", pipeline.data.use);
  const recordings = new Map<string, Recording>();
  const folder = inputs.render ?? context.folder;
  for await (const recording of dataset.clips(pipeline.data.options, { ...context, folder }))
    recordings.set(recording.id, recording);
  const [frames] = whole.video;
  const seconds = frames / media.rates.video;
  const byRecording = new Map<string, ShardRow[]>();
  for (const row of rows) {
    const id = row.recording as string;
    byRecording.set(id, [...(byRecording.get(id) ?? []), row]);
  }
  let longest = 0;
  const candidates = [...byRecording].flatMap(([id, its]) => {
    const { starts, end } = reachOf(its, pipeline.data.clip.frames, media.rates.video);
    const recording = recordings.get(id);
    if (!recording) return [];
    longest = Math.max(longest, end - Math.min(...starts));
    return starts.filter((start) => start + seconds <= end + 1e-6).map((start) => ({ recording, start }));
  });
  if (candidates.length === 0)
    throw noClip(
      rows.length === 0 ? "CMMD530" : "CMMD531",
      rows.length === 0
        ? `the dataset has no clip in the split "${split}" for the generation "${name}"`
        : `the generation "${name}" asks for ${frames} frames (${seconds.toFixed(2)} s), but no recording in the split "${split}" has more than ${longest.toFixed(2)} s`,
      "Lower generate.frames, or change generate.split.",
    );
  return spread(candidates, generation, usual).map(({ recording, start }) => {
    const from = Math.round(start * media.rates.video);
    return {
      id: `${recording.id}_${String(from).padStart(6, "0")}-${frames}`,
      events: (recording.events ?? []).map((t) => t - start).filter((t) => t >= 0 && t < seconds),
      prepared: false,
      open: async () => {
        const decoded = await media.decode({ path: recording.media, start, frames });
        if (decoded.frames.count < frames)
          throw noClip(
            "CMMD531",
            `"${recording.media}" has ${decoded.frames.count} of the ${frames} frames that the generation "${name}" takes from second ${start.toFixed(2)} on`,
            "Copy or download the file again, or lower generate.frames.",
          );
        const features = media.features(decoded.waveform, whole.audio[0]);
        const [latents, normalised] = [await media.latents(decoded.frames), media.normalised(features)];
        return {
          condition: { video: () => latents, audio: () => normalised },
          original: { frames: decoded.frames, waveform: decoded.waveform, features },
        };
      },
    };
  });
}
