import { existsSync, readFileSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../data/atomic.js";
import { readShards, type ShardRow, type Shards } from "../data/shards.js";
import { CmmdError } from "../errors.js";
import type { Recording } from "../plugin/clips.js";
import type { Frames } from "../plugin/media.js";
import { chain } from "./chain.js";
import { picturesFolder } from "./clip-writer.js";
import { framesOf } from "./originals.js";
import type { StageInput } from "./stage.js";

/** What is left of dropped pictures, in the artifact of `prepare`. Written before anything is removed. */
interface Dropped {
  readonly height: number;
  readonly width: number;
}
const droppedFile = "dropped.json";

function readDropped(prepared: string): Dropped | undefined {
  const path = join(prepared, droppedFile);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Dropped) : undefined;
}

/** The real pictures of prepared clips, wherever they are. */
export interface Pictures {
  /** Of the first clip; those of all clips that an autoencoder and a network take are alike. */
  size(): Promise<Pick<Frames, "height" | "width">>;
  /** Those of a clip with its context. */
  clip(id: string): Promise<Frames>;
}

/**
 * The pictures that `prepare` stored, or, where they were dropped (`prepare.keep: latents`), the same ones decoded again from the recordings.
 * `input.inputs` has the artifacts of `prepare` and, for media that were rendered, `render`. Reading throws CMMD568 where a recording is gone.
 */
export async function openPictures(input: StageInput): Promise<Pictures> {
  const prepared = input.inputs.prepare!;
  const stored = readDropped(prepared) ? undefined : await readShards(join(prepared, picturesFolder));
  const { index } = await readShards(prepared);
  let again: ReturnType<typeof decoder> | undefined;
  const decode = async (id: string) => {
    again ??= decoder(input, index);
    return (await again)(id);
  };
  return {
    async size() {
      return readDropped(prepared) ?? framesOf(await stored!.tensor(index[0]!.id, "frames"));
    },
    async clip(id) {
      try {
        return stored ? framesOf(await stored.tensor(id, "frames")) : await decode(id);
      } catch (error) {
        // Another run may have dropped them in the meantime.
        if (stored && readDropped(prepared)) return decode(id);
        throw error;
      }
    },
  };
}

/** Decodes the pictures of clips from their recordings, as `prepare` did. */
async function decoder(input: StageInput, index: readonly ShardRow[]): Promise<(id: string) => Promise<Frames>> {
  const { pipeline, context, component, inputs } = input;
  const { videoFilters, videoRate } = await chain(input);
  const { codec: used } = pipeline.prepare;
  const codec = await component("codecs", used.use);
  const dataset = await component("datasets", pipeline.data.use);
  const recordings = new Map<string, Recording>();
  const folder = inputs.render ?? context.folder;
  for await (const recording of dataset.clips(pipeline.data.options, { ...context, folder }))
    recordings.set(recording.id, recording);
  context.log("the prepared pictures were dropped (prepare.keep: latents): decodes them again from the recordings");
  const gone = (id: string, why: string) =>
    new CmmdError(
      "CMMD568",
      `the pictures of the clip "${id}" were dropped (prepare.keep: latents) and cannot be decoded again: ${why}`,
      { hint: "Put the recording back to where it was when it was prepared." },
    );
  const rows = new Map(index.map((row) => [row.id, row]));
  return async (id) => {
    context.signal.throwIfAborted();
    const { recording, start, before, after } = rows.get(id)!;
    const path = recordings.get(recording as string)?.media;
    if (path === undefined) throw gone(id, `the dataset has no recording "${recording}" any more`);
    const count = (before as number) + pipeline.data.clip.frames + (after as number);
    const first = (start as number) - (before as number) / videoRate;
    const span = { start: Math.max(0, first), duration: count / videoRate };
    const request = { path, ...span, videoFilters, audioFilters: [], only: "video", signal: context.signal } as const;
    const { frames } = await codec.decode(request, used.options, context).catch((error: unknown) => {
      throw error instanceof CmmdError ? gone(id, error.message) : error;
    });
    if (frames.count < count) throw gone(id, `"${path}" now has ${frames.count} of its ${count} pictures`);
    return frames;
  };
}

/**
 * Removes the pictures of an artifact of `prepare`, of which the latents are in the store, and gives the bytes that this frees; undefined
 * where they are gone already. May be interrupted at any time, and begun again.
 */
export async function dropPictures(prepared: string): Promise<number | undefined> {
  const folder = join(prepared, picturesFolder);
  if (!existsSync(folder)) return undefined;
  if (!readDropped(prepared)) {
    const { height, width } = await sizeOfFirst(await readShards(folder));
    await writeAtomically(join(prepared, droppedFile), [`${JSON.stringify({ height, width })}\n`]);
  }
  const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size));
  await rm(folder, { recursive: true });
  return sizes.reduce((sum, size) => sum + size, 0);
}

const sizeOfFirst = async (shards: Shards) => framesOf(await shards.tensor(shards.index[0]!.id, "frames"));
