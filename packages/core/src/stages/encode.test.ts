import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readShards } from "../data/shards.js";
import { stream } from "../diffusion/random.js";
import type { AutoencoderBody } from "../plugin/components.js";
import type { Frames } from "../plugin/media.js";
import { ClipWriter } from "./clip-writer.js";
import { encode } from "./encode.js";
import { psnr } from "./psnr.js";
import type { StageInput } from "./stage.js";

const [height, width, clipFrames] = [8, 16, 6];
const picture = height * width * 3;
/** Frame `at` of a recording that never repeats. */
const frame = (at: number) => Uint8Array.from({ length: picture }, (_, i) => (i * 7 + at * 13 + ((i * at) >> 3)) % 256);

/** Clips of a recording of which each begins `every` frames after the one before. */
async function prepared(folder: string, clips: number, every: number): Promise<string> {
  const writer = await ClipWriter.open(folder);
  for (let i = 0; i < clips; i++) {
    const data = Buffer.concat(Array.from({ length: clipFrames }, (_, f) => frame(i * every + f)));
    await writer.add(
      `clip${i}`,
      { frames: { shape: [clipFrames, height, width, 3], data: new Uint8Array(data) } },
      { split: i === clips - 1 ? "test" : "train", before: 1 },
    );
  }
  await writer.close();
  return folder;
}

/** Means of 2x2 pixels, in [0, 1]; notes how many pictures it was given. */
function pooling(counts: number[]): AutoencoderBody<unknown> {
  const [rows, columns] = [height / 2, width / 2];
  const places = (visit: (latent: number, pixel: number) => void, count: number) => {
    for (let n = 0; n < count; n++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let c = 0; c < 3; c++)
            visit(((n * rows + (y >> 1)) * columns + (x >> 1)) * 3 + c, ((n * height + y) * width + x) * 3 + c);
  };
  return {
    open: async () => ({
      shape: () => [rows, columns, 3],
      async encode({ count, data }: Frames) {
        counts.push(count);
        const latents = new Float32Array(count * rows * columns * 3);
        places((latent, pixel) => {
          latents[latent]! += data[pixel]! / (4 * 255);
        }, count);
        return latents;
      },
      async decode(latents, count) {
        const data = new Uint8Array(count * picture);
        places((latent, pixel) => {
          data[pixel] = Math.round(latents[latent]! * 255);
        }, count);
        return { count, height, width, data };
      },
      dispose: async () => {},
    }),
  };
}

async function run(store: string, key: string, prepare: string, description: object = {}) {
  const folder = join(store, key);
  mkdirSync(folder);
  const depends = { latents: { use: "pooling" }, frames: 4 };
  writeFileSync(
    join(folder, "key.json"),
    JSON.stringify({ depends, seed: 1, inputs: { prepare: key }, ...description }),
  );
  const counts: number[] = [];
  const logged: string[] = [];
  const input = {
    pipeline: { latents: { use: "pooling", options: {} }, data: { clip: { frames: 4 } } },
    inputs: { prepare },
    context: {
      folder,
      signal: new AbortController().signal,
      random: (purpose: string) => stream(1, purpose),
      progress: () => {},
      log: (message: string) => logged.push(message),
    },
    component: async () => pooling(counts),
    metric: () => {},
  } as unknown as StageInput;
  const summary = await encode.run(input);
  const shards = await readShards(folder);
  return { counts, logged, summary, latents: (id: string) => shards.tensor(id, "latents") };
}

it("encodes each picture once: for overlapping clips, more clips, and another seed", async () => {
  const root = mkdtempSync(join(tmpdir(), "cmmd-encode-"));
  const store = join(root, "encode");
  mkdirSync(store);
  const [short, long] = [await prepared(join(root, "short"), 3, 2), await prepared(join(root, "long"), 5, 2)];
  const first = await run(store, "a", short);
  expect(first.counts).toEqual([10]);
  const longer = await run(store, "b", long, { seed: 2 });
  expect(longer.counts).toEqual([4]);
  expect(longer.logged.join()).toMatch(
    /latents 4x8x3 \(2304 bytes for a clip of 6 frames\), .* frames\/s, 4 frames encoded, 26 taken/,
  );
  for (const id of ["clip0", "clip2"]) expect(await longer.latents(id)).toEqual(await first.latents(id));
  const other = await run(store, "c", short, { device: "webgpu" });
  expect(other.counts).toEqual([10]);
  expect(other.summary.psnr_db).toBe(first.summary.psnr_db);
  // Of the four frames of the last clip, without the one before it.
  const { data } = await other.latents("clip2");
  let error = 0;
  for (let f = 0; f < 4; f++)
    frame(5 + f).forEach((value, i) => {
      const latent =
        (((f + 1) * 4 + (Math.floor(i / 3 / width) >> 1)) * 8 + ((Math.floor(i / 3) % width) >> 1)) * 3 + (i % 3);
      error += (value - Math.round(data[latent]! * 255)) ** 2 / (4 * picture);
    });
  expect(first.summary.psnr_db).toBeCloseTo(10 * Math.log10(255 ** 2 / error), 6);
});

it("gives a number for pictures that lose nothing", () => {
  expect(psnr(0)).toBeCloseTo(148.13, 2);
  expect(psnr(255 ** 2)).toBe(0);
});
