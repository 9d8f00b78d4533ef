import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readShards, ShardWriter } from "../data/shards.js";
import { cutPictures, cutSound } from "../negatives/cut.js";
import type { Clip } from "../plugin/clips.js";
import type { FeatureBody } from "../plugin/components.js";
import { picturesFolder } from "./clip-writer.js";
import { openClips } from "./clips.js";
import { readFeatureStatistics } from "./features.js";
import { openPictures } from "./pictures.js";

const [frames, before, after] = [4, 3, 2];
const [rate, hop, perFrame] = [100, 8, 20];
const length = (before + frames + after) * perFrame;

/** Features that say which sample they begin at: the sound is a ramp. */
const firstSample: FeatureBody<unknown> = {
  modality: "features",
  definition: () => ({ kind: "first", rate, bins: 1, window: hop, hop }),
  frames: (_, samples) => Math.floor(samples / hop),
  compute: (_, { samples }) => {
    const data = samples.filter((__, i) => i % hop === 0);
    return { frames: data.length, bins: 1, data };
  },
};

let folder: string;
let prepared: string;
let input: Parameters<typeof openClips>[0];
let clip: Clip;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cmmd-clips-"));
  prepared = join(folder, "prepare");
  const encoded = join(folder, "encode");
  const ramp = Float32Array.from({ length }, (_, i) => i - before * perFrame);
  const own = firstSample.compute({} as never, {
    rate,
    samples: ramp.slice(before * perFrame, (before + frames) * perFrame),
  });
  const first = await ShardWriter.open(prepared);
  const pictures = Uint8Array.from({ length: 3 * (before + frames + after) }, (_, i) => Math.floor(i / 3));
  await first.add(
    "a_0",
    {
      waveform: { shape: [length], data: ramp },
      features: { shape: [own.frames, 1], data: own.data },
    },
    { split: "train", recording: "a", events: [], before, after },
  );
  await first.close();
  const stored = await ShardWriter.open(join(prepared, picturesFolder));
  await stored.add("a_0", { frames: { shape: [before + frames + after, 1, 1, 3], data: pictures } }, {});
  await stored.close();
  const second = await ShardWriter.open(encoded);
  const latents = Float32Array.from({ length: before + frames + after }, (_, i) => i - before);
  await second.add("a_0", { latents: { shape: [latents.length, 1, 1, 1], data: latents } }, {});
  await second.close();
  const rates = { video: rate / perFrame, audio: rate };
  const definition = firstSample.definition({}, rate);
  writeFileSync(join(prepared, "features.json"), JSON.stringify({ definition, rates, mean: 0, std: 1 }));
  const pipeline = {
    data: { clip: { frames } },
    prepare: { audio: [{ use: "first" }] },
    diffusion: { scale: { video: 1, audio: 1 } },
  };
  const component = async () => firstSample;
  input = { pipeline, inputs: { prepare: prepared, encode: encoded }, component } as unknown as typeof input;
  [clip] = (await openClips(input, ["train"])).clips as [Clip];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("moves pictures by frames and sound by feature frames or parts of them, within the recording", () => {
  expect(clip.context).toEqual({ video: { before: 3, after: 2 }, audio: { before: 7.5, after: 5 } });
  expect(clip.rates).toEqual({ video: 5, audio: 12.5 });
  expect(clip.steps).toEqual({ video: 4, audio: 10 });
  fc.assert(
    fc.property(fc.integer({ min: -8, max: 8 }), fc.integer({ min: -60, max: 60 }), (video, samples) => {
      if (video < -3 || video > 2) expect(() => clip.video(video)).toThrow(RangeError);
      else expect([...clip.video(video)]).toEqual([0, 1, 2, 3].map((i) => i + video));
      const audio = samples / hop;
      if (audio < -7.5 || audio > 5) expect(() => clip.audio(audio)).toThrow(RangeError);
      else expect([...clip.audio(audio)]).toEqual([...Array(10).keys()].map((i) => i * hop + samples));
    }),
  );
});

it("cuts pictures and sound where the training takes latents and features", async () => {
  const shards = await readShards(prepared);
  const pictures = await openPictures({ inputs: { prepare: prepared } } as never);
  const statistics = readFeatureStatistics(prepared);
  for (const shift of [-2, 0, 1.5]) {
    const video = { clip, shift: Math.trunc(shift), from: 0, to: frames };
    const cut = await cutPictures(pictures, [video]);
    expect([...cut.data].filter((_, i) => i % 3 === 0).map((level) => level - before)).toEqual([
      ...clip.video(Math.trunc(shift)),
    ]);
    const sound = await cutSound(shards, [{ clip, shift, from: 0, to: 10 }], statistics);
    expect(firstSample.compute({} as never, sound).data).toEqual(clip.audio(shift));
  }
  const sides = [
    { clip, shift: 0, from: 6, to: 10 },
    { clip, shift: 2, from: 0, to: 6 },
  ];
  const { samples } = await cutSound(shards, sides, statistics);
  const [first, second] = [clip.audio(0).subarray(6), clip.audio(2).subarray(0, 6)];
  expect(samples.filter((_, i) => i % hop === 0)).toEqual(Float32Array.of(...first, ...second));
});

it("holds no values of the clips, however many there are", async () => {
  const [count, length] = [64, 1 << 16];
  const [prepare, encode] = ["many", "many-encoded"].map((name) => join(folder, name)) as [string, string];
  const sound = await ShardWriter.open(prepare, { shardBytes: 1 << 22 });
  const pictures = await ShardWriter.open(encode, { shardBytes: 1 << 22 });
  for (let i = 0; i < count; i++) {
    const data = new Float32Array(length).fill(i);
    const features = { shape: [length, 1], data };
    const row = { split: "train", recording: "a", events: [], before: 0, after: 0 };
    await sound.add(`c${i}`, { waveform: { shape: [length], data }, features }, row);
    await pictures.add(`c${i}`, { latents: { shape: [frames, 1, 1, length / frames], data } }, {});
  }
  await sound.close();
  await pictures.close();
  copyFileSync(join(prepared, "features.json"), join(prepare, "features.json"));
  const before = process.memoryUsage().arrayBuffers;
  const { clips } = await openClips({ ...input, inputs: { prepare, encode } }, ["train"]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(count * length * 0.1);
  for (const at of [63, 0, 40]) {
    expect(new Set(clips[at]!.video(0))).toEqual(new Set([at]));
    expect(new Set(clips[at]!.audio(0))).toEqual(new Set([at]));
  }
});
