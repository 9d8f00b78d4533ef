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

function storedContents({ shape, data }: NamedTensor): string[] {
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

type Found = { readonly shards: Shards; readonly id: string; readonly frame: number };

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
  const places = new Map<string, Found>();
  for (const name of await readdir(dirname(folder))) {
    const other = join(dirname(folder), name);
    const path = join(other, autoencoderFile);
    if (name === basename(folder) || !existsSync(path) || (await readFile(path, "utf8")) !== autoencoder) continue;
    const shards = await readShards(other);
    for (const { id } of shards.index) {
      const contents = storedContents(await shards.tensor(id, "contents"));
      for (const [frame, content] of contents.entries()) places.set(content, { shards, id, frame });
    }
  }
  let open: { readonly place: Found; readonly tensor: NamedTensor } | undefined;
  return async (content) => {
    const place = places.get(content);
    if (!place) return undefined;
    // Frames are asked for in their order, and most in the clip that they were in before.
    if (open?.place.shards !== place.shards || open.place.id !== place.id)
      open = { place, tensor: await place.shards.tensor(place.id, "latents") };
    const { shape, data } = open.tensor;
    const size = data.length / shape[0]!;
    return (data as Float32Array).slice(place.frame * size, (place.frame + 1) * size);
  };
}
