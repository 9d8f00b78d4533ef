import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readShards } from "../data/shards.js";
import type { DecodeRequest } from "../plugin/media.js";
import { ClipWriter, picturesFolder } from "./clip-writer.js";
import { dropPictures, openPictures } from "./pictures.js";
import type { StageInput } from "./stage.js";

const [height, width, frames, rate] = [2, 4, 6, 10];
/** Pictures `from` to `to` of the recording. */
const pictures = (from: number, to: number) =>
  Uint8Array.from({ length: (to - from) * height * width * 3 }, (_, i) => (from * height * width * 3 + i) % 251);

async function prepared(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "cmmd-pictures-"));
  const writer = await ClipWriter.open(folder);
  for (const [i, [from, before, after]] of [
    [0, 0, 3],
    [6, 3, 2],
  ].entries())
    await writer.add(
      `clip${i}`,
      {
        frames: {
          shape: [before! + frames + after!, height, width, 3],
          data: pictures(from! - before!, from! + frames + after!),
        },
        waveform: { shape: [2], data: Float32Array.of(i, 1) },
      },
      { split: "train", recording: "film", start: 3 + from! / rate, before, after },
    );
  await writer.close();
  return folder;
}

/** A codec whose file is the recording, which begins at second 3; without a file it has none. */
function inputFor(prepare: string, { there = true } = {}) {
  const logged: string[] = [];
  const bodies: Record<string, unknown> = {
    datasets: {
      async *clips() {
        if (there) yield { id: "film", media: "film.mp4", split: "train" };
      },
    },
    codecs: {
      async decode({ start, duration, only }: DecodeRequest) {
        expect(only).toBe("video");
        const [from, count] = [Math.round((start - 3) * rate), Math.round(duration * rate)];
        return { frames: { count, height, width, data: pictures(from, from + count) } };
      },
    },
    transforms: { modality: "video", filter: () => "", rate: () => rate },
  };
  const audio = [{ use: "filter" }, { use: "features" }];
  const input = {
    pipeline: {
      data: { use: "films", options: {}, clip: { frames } },
      prepare: { codec: { use: "codec", options: {} }, video: [{ use: "fps" }], audio },
    },
    inputs: { prepare },
    context: { folder: "", signal: new AbortController().signal, log: (message: string) => logged.push(message) },
    component: async (kind: string, use: string) => {
      if (use === "filter") return { modality: "audio", filter: () => "", rate: () => 16000 };
      if (use === "features") return { modality: "features", definition: () => ({}) };
      return bodies[kind];
    },
  } as unknown as StageInput;
  return { input, logged };
}

it("decodes dropped pictures again from the recordings, and keeps the rest", async () => {
  const folder = await prepared();
  const { input, logged } = inputFor(folder);
  const stored = await openPictures(input);
  const before = [await stored.size(), await stored.clip("clip0"), await stored.clip("clip1")];
  expect(logged).toEqual([]);

  expect(await dropPictures(folder)).toBeGreaterThan(20 * height * width * 3);
  expect(existsSync(join(folder, picturesFolder))).toBe(false);
  expect(await dropPictures(folder)).toBeUndefined();
  const dropped = await openPictures(input);
  expect(await dropped.size()).toEqual({ height, width });
  expect([{ ...(before[0] as object) }, await dropped.clip("clip0"), await dropped.clip("clip1")]).toEqual(before);
  expect(logged).toHaveLength(1);
  // What another run had opened before.
  expect(await stored.clip("clip1")).toEqual(before[2]);
  expect((await (await readShards(folder)).tensor("clip1", "waveform")).data).toEqual(Float32Array.of(1, 1));
});

it("goes on where dropping was interrupted, and says when a recording is gone", async () => {
  const folder = await prepared();
  writeFileSync(join(folder, "dropped.json"), JSON.stringify({ height, width }));
  const { input } = inputFor(folder, { there: false });
  await expect((await openPictures(input)).clip("clip0")).rejects.toMatchObject({
    code: "CMMD568",
    message: expect.stringContaining(`no recording "film"`),
  });
  expect(await dropPictures(folder)).toBeGreaterThan(0);
  expect(existsSync(join(folder, picturesFolder))).toBe(false);
});
