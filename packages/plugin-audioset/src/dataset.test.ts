import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folderWith, realLists, recordingsOf } from "../../plugin-media/test/datasets.js";
import { audiosetDataset } from "./audioset.js";
import type { AudiosetOptions, VggsoundOptions } from "./options.js";
import { vggsoundDataset } from "./vggsound.js";

const audioset: AudiosetOptions = {
  root: "data",
  media: ".",
  segments: { train: "balanced_train_segments.csv", test: "eval_segments.csv" },
  labels: "class_labels_indices.csv",
  video: true,
};
const head =
  "# Segments csv created Sun Mar  5 10:54:31 2017\n# num_ytids=2, num_segs=2\n# YTID, start_seconds, end_seconds, positive_labels\n";
const lists = {
  "balanced_train_segments.csv": `${head}--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"\n`,
  "eval_segments.csv": `${head}--4gqARaEJE, 0.000, 10.000, "/m/068hy"\n`,
  "class_labels_indices.csv":
    'index,mid,display_name\n0,/m/09x0r,"Speech"\n1,/t/dd00088,"Gush"\n2,/m/068hy,"Domestic animals, pets"\n',
};

describe("audioset", () => {
  it("finds segments under both of their names, labelled by the names of classes", async () => {
    const context = await folderWith({
      ...lists,
      "balanced/--PJHxphWEs_30000_40000.mp4": "",
      "eval/--4gqARaEJE_000000.mkv": "",
    });
    expect(await recordingsOf(audiosetDataset, audioset, context)).toEqual([
      {
        id: "--PJHxphWEs_30000_40000",
        media: "balanced/--PJHxphWEs_30000_40000.mp4",
        duration: 10,
        split: "train",
        label: ["Speech", "Gush"],
      },
      {
        id: "--4gqARaEJE_0_10000",
        media: "eval/--4gqARaEJE_000000.mkv",
        duration: 10,
        split: "test",
        label: ["Domestic animals, pets"],
      },
    ]);
    const pets = { ...audioset, classes: ["Domestic animals, pets"] };
    expect((await recordingsOf(audiosetDataset, pets, context)).map(({ split }) => split)).toEqual(["test"]);
    await expect(recordingsOf(audiosetDataset, { ...audioset, classes: ["Speach"] }, context)).rejects.toMatchObject({
      code: "CMMD585",
      hint: 'Did you mean "Speech"?',
    });
  });

  it("takes sound alone when no picture is needed", async () => {
    const context = await folderWith({ ...lists, "--PJHxphWEs_30000_40000.wav": "" });
    await expect(recordingsOf(audiosetDataset, audioset, context)).rejects.toThrow(
      /data.--PJHxphWEs_30000_40000\.mp4"/,
    );
    expect((await recordingsOf(audiosetDataset, { ...audioset, video: false }, context)).length).toBe(1);
    expect((await recordingsOf(audiosetDataset, audioset, { ...context, only: "audio" })).length).toBe(1);
  });

  const real = realLists();
  it.skipIf(!real)("reads the real list whole: 22 160 segments of 527 classes", async () => {
    const context = await folderWith({ "---1_cCGK4M_0_10000.mp4": "" });
    for (const name of ["balanced_train_segments.csv", "class_labels_indices.csv"])
      copyFileSync(join(real!, `audioset_${name}`), join(context.folder, "data", name));
    const all = { ...audioset, segments: { train: "balanced_train_segments.csv" } };
    await expect(recordingsOf(audiosetDataset, all, context)).rejects.toThrow(/none of the 22160 /);
  });
});

describe("vggsound", () => {
  const options: VggsoundOptions = { root: "data", media: ".", list: "vggsound.csv", splits: ["train", "test"] };
  const rows =
    '---g-f_I2yQ,1,"people marching",test\n--0PQM4-hqg,30,"waterfall burbling",train\n--56QUhyDQM,185,"playing tennis",train\n';

  it("finds segments by id and second", async () => {
    const context = await folderWith({
      "vggsound.csv": rows,
      "video/---g-f_I2yQ_000001.mp4": "",
      "video/--56QUhyDQM_000185.mp4": "",
    });
    expect(await recordingsOf(vggsoundDataset, options, context)).toEqual([
      { id: "---g-f_I2yQ_000001", media: "video/---g-f_I2yQ_000001.mp4", split: "test", label: "people marching" },
      { id: "--56QUhyDQM_000185", media: "video/--56QUhyDQM_000185.mp4", split: "train", label: "playing tennis" },
    ]);
    expect(context.warned.join()).toMatch(/1 of the 3 .*--0PQM4-hqg_000030\.mp4/);
    const marching = { ...options, classes: ["people marching"] };
    expect((await recordingsOf(vggsoundDataset, marching, context)).length).toBe(1);
  });

  it("refuses a list of another form", async () => {
    for (const bad of ['x,1,"a",dev\n', "x,1\n", "x,one,a,test\n"])
      await expect(
        recordingsOf(vggsoundDataset, options, await folderWith({ "vggsound.csv": bad })),
      ).rejects.toMatchObject({ code: "CMMD581" });
  });
});
