import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { readShards, type Shards } from "../data/shards.js";
import type { Frames } from "../plugin/media.js";
import type { NamedTensor } from "../plugin/tensors.js";

/** Says what the latents beside it were made by. */
const autoencoderFile = "autoencoder.json";
const contentBytes = 16;

/** Hashes of each picture: what its latents are found by. A string of bytes each, as the keys of maps. */
export function contentsOf({ count, height, width, data }: Frames): string[] {
  const size = height * width * 3;
  return Array.from({ length: count }, (_, i) =>
    createHash("sha256")
      .update(`${height}x${width}\n`)
      .update(data.subarray(i * size, (i + 1) * size))
      .digest()
      .toString("latin1", 0, contentBytes),
  );
}

/** The hashes as they are stored beside the latents: [count, 16]. */
export const contentsTensor = (contents: readonly string[]): NamedTensor => ({
  shape: [contents.length, contentBytes],
  data: new Uint8Array(Buffer.from(contents.join(""), "latin1")),
});

export function storedContents({ shape, data }: NamedTensor): string[] {
  const text = Buffer.from(data as Uint8Array).toString("latin1");
  return Array.from({ length: shape[0]! }, (_, i) => text.slice(i * contentBytes, (i + 1) * contentBytes));
}

interface Description {
  readonly depends: { readonly latents: unknown };
  readonly seed: number;
  readonly [leaf: string]: unknown;
}

/**
 * What the latents of a picture depend on besides the picture: the part of the stage's description that is not the clips, and the weights
 * that were fitted. Undefined outside a store.
 */
async function autoencoderOf(folder: string, weightsFile: string, seeded: boolean): Promise<string | undefined> {
  const key = join(folder, "key.json");
  if (!existsSync(key)) return undefined;
  const { inputs: _, depends, seed, ...rest } = JSON.parse(await readFile(key, "utf8")) as Description;
  const fitted = existsSync(weightsFile)
    ? createHash("sha256")
        .update(await readFile(weightsFile))
        .digest("hex")
    : null;
  return JSON.stringify({ ...rest, latents: depends.latents, fitted, ...(seeded && { seed }) });
}

/** Pictures of earlier artifacts that are found again, at most: some 200 MB. Those beyond are encoded again, which gives the same. */
const mostKnown = 1 << 22;
/** What a picture is found by: 30 bits of its content. The whole is compared where it is found. */
const keyOf = (content: string) => Buffer.from(content, "latin1").readUInt32LE() >>> 2;

/** A clip of an earlier artifact. `first` counts the pictures of the clips before it. */
interface Encoded {
  readonly shards: Shards;
  readonly id: string;
  readonly first: number;
}

/** The latents of a clip and the contents that they belong to. */
interface Latents {
  readonly contents: readonly string[];
  readonly tensor: NamedTensor;
}

/** The last clip that begins at picture `place` or before. */
function clipAt(clips: readonly Encoded[], place: number): Encoded {
  let [from, to] = [0, clips.length - 1];
  while (from < to) {
    const middle = (from + to + 1) >> 1;
    if (clips[middle]!.first <= place) from = middle;
    else to = middle - 1;
  }
  return clips[from]!;
}

/** The clips of the other artifacts in the store that hold latents of the same autoencoder. */
async function* othersOf(folder: string, autoencoder: string) {
  for (const name of await readdir(dirname(folder))) {
    const other = join(dirname(folder), name);
    const path = join(other, autoencoderFile);
    if (name === basename(folder) || !existsSync(path) || (await readFile(path, "utf8")) !== autoencoder) continue;
    const shards = await readShards(other);
    for (const { id } of shards.index) yield { shards, id };
  }
}

/** What a clip of an artifact holds; undefined where that was finished, removed or damaged in the meantime, as it is only a short cut. */
async function latentsOf({ shards, id }: Pick<Encoded, "shards" | "id">): Promise<Latents | undefined> {
  try {
    const contents = storedContents(await shards.tensor(id, "contents"));
    return { contents, tensor: await shards.tensor(id, "latents") };
  } catch {
    return undefined;
  }
}

/** Row `at` of a tensor of 32-bit numbers. */
export function rowOf({ shape, data }: NamedTensor, at: number): Float32Array {
  const size = data.length / shape[0]!;
  return (data as Float32Array).slice(at * size, (at + 1) * size);
}

/**
 * Latents of pictures that earlier `encode` artifacts in the same store hold, made by the same autoencoder. Notes in `folder` what makes
 * its latents, so that later ones find them.
 */
export async function encodedBefore(
  folder: string,
  { weightsFile, seeded }: { readonly weightsFile: string; readonly seeded: boolean },
): Promise<(content: string) => Promise<Float32Array | undefined>> {
  const autoencoder = await autoencoderOf(folder, weightsFile, seeded);
  if (autoencoder === undefined) return async () => undefined;
  await writeFile(join(folder, autoencoderFile), autoencoder);
  const clips: Encoded[] = [];
  const places = new Map<number, number>();
  let first = 0;
  for await (const clip of othersOf(folder, autoencoder)) {
    if (places.size >= mostKnown) break;
    const contents = storedContents(await clip.shards.tensor(clip.id, "contents"));
    clips.push({ ...clip, first });
    for (const [frame, content] of contents.entries()) places.set(keyOf(content), first + frame);
    first += contents.length;
  }
  let open: { readonly clip: Encoded; readonly latents: Latents | undefined } | undefined;
  return async (content) => {
    const place = places.get(keyOf(content));
    if (place === undefined) return undefined;
    const clip = clipAt(clips, place);
    // Frames are asked for in their order, and most in the clip that they were in before.
    if (open?.clip !== clip) open = { clip, latents: await latentsOf(clip) };
    const frame = place - clip.first;
    if (open.latents?.contents[frame] !== content) return undefined;
    return rowOf(open.latents.tensor, frame);
  };
}
