import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folderWith, realLists, recordingsOf } from "../../plugin-media/test/datasets.js";
import { aistDataset } from "./dataset.js";
import { parseName } from "./names.js";
import { type AistOptions, aistOptions } from "./options.js";

const defaults = Object.fromEntries(
  Object.entries(aistOptions.properties).map(([name, { default: value }]) => [name, value]),
) as Omit<AistOptions, "root">;
const options: AistOptions = { ...defaults, root: "data" };

const lists = {
  "splits/crossmodal_train.txt": "gBR_sBM_cAll_d04_mBR0_ch01\ngHO_sFM_cAll_d20_mHO5_ch08\ngWA_sBM_cAll_d25_mWA2_ch03",
  "splits/crossmodal_val.txt": "gPO_sBM_cAll_d10_mPO1_ch01",
  "splits/crossmodal_test.txt": "gKR_sBM_cAll_d30_mKR2_ch02\n",
  "ignore_list.txt": "gWA_sBM_cAll_d25_mWA2_ch03\n",
};

describe("aist", () => {
  it("finds the listed sequences by their cameras, with genre and tempo", async () => {
    const context = await folderWith({
      ...lists,
      "gBR_sBM_c01_d04_mBR0_ch01.mp4": "",
      "gBR_sBM_c02_d04_mBR0_ch01.mp4": "",
      "gHO_sFM_c01_d20_mHO5_ch08.mp4": "",
      "gWA_sBM_c01_d25_mWA2_ch03.mp4": "",
      "gPO_sBM_c01_d10_mPO1_ch01.mp4": "",
    });
    const found = await recordingsOf(aistDataset, { ...options, cameras: ["c01", "c02"] }, context);
    expect(found).toEqual(
      [
        ["gBR_sBM_c01_d04_mBR0_ch01", "train", "BR", "mBR0", 80],
        ["gBR_sBM_c02_d04_mBR0_ch01", "train", "BR", "mBR0", 80],
        ["gHO_sFM_c01_d20_mHO5_ch08", "train", "HO", "mHO5", 135],
        ["gPO_sBM_c01_d10_mPO1_ch01", "validation", "PO", "mPO1", 90],
      ].map(([id, split, label, music, tempo]) => ({ id, media: `${id}.mp4`, split, label, facts: { music, tempo } })),
    );
    expect(context.warned.join()).toMatch(/4 of the 8 recordings.*gHO_sFM_c02_d20_mHO5_ch08\.mp4/);
    expect(readFileSync(join(context.folder, "missing.txt"), "utf8").trimEnd().split("\n").length).toBe(4);
    const some = { ...options, genres: ["BR", "WA"], situations: ["BM"], splits: ["train"], ignore: false } as const;
    expect((await recordingsOf(aistDataset, some as unknown as AistOptions, context)).map(({ id }) => id)).toEqual([
      "gBR_sBM_c01_d04_mBR0_ch01",
      "gWA_sBM_c01_d25_mWA2_ch03",
    ]);
  });

  it("finds the lists in the folder annotations, when it is there", async () => {
    const inside = Object.fromEntries(Object.entries(lists).map(([name, text]) => [`annotations/${name}`, text]));
    const context = await folderWith({ ...inside, "gBR_sBM_c01_d04_mBR0_ch01.mp4": "" });
    expect((await recordingsOf(aistDataset, options, context)).map(({ id }) => id)).toEqual([
      "gBR_sBM_c01_d04_mBR0_ch01",
    ]);
  });

  it("says what is missing", async () => {
    const nothing = await folderWith(lists);
    await expect(recordingsOf(aistDataset, options, nothing)).rejects.toThrow(
      /none of the 4 .*data.gBR_sBM_c01_d04_mBR0_ch01\.mp4"/,
    );
    await expect(recordingsOf(aistDataset, { ...options, genres: ["JB"] }, nothing)).rejects.toMatchObject({
      code: "CMMD583",
    });
    writeFileSync(join(nothing.folder, "data/splits/crossmodal_val.txt"), "dance.mp4\n");
    await expect(recordingsOf(aistDataset, options, nothing)).rejects.toMatchObject({ code: "CMMD581" });
    await expect(recordingsOf(aistDataset, { ...options, annotations: "." }, nothing)).rejects.toThrow(/ignore_list/);
    await expect(recordingsOf(aistDataset, { ...options, root: "away" }, nothing)).rejects.toMatchObject({
      code: "CMMD305",
    });
  });

  it("takes any tree of files, as MM-Diffusion's crops", async () => {
    const context = await folderWith({
      "train/gBR_sBM_c01_d04_mBR0_ch01_000.mp4": "",
      "train/a/dance.mp4": "",
      "test/gHO_sFM_c01_d20_mHO1_ch08_001.MP4": "",
    });
    const found = await recordingsOf(aistDataset, { ...options, layout: "tree" }, context);
    expect(found.map(({ id, split, facts }) => [id, split, facts?.tempo])).toEqual([
      ["test_gHO_sFM_c01_d20_mHO1_ch08_001", "test", 115],
      ["train_a_dance", "train", undefined],
      ["train_gBR_sBM_c01_d04_mBR0_ch01_000", "train", 80],
    ]);
  });

  it("has a fingerprint that changes with the lists and the files, not with the place", async () => {
    const files = { ...lists, "gBR_sBM_c01_d04_mBR0_ch01.mp4": "" };
    const print = async (changed: object) => {
      const context = await folderWith({ ...files, ...changed });
      return (await aistDataset.fingerprint!(options, context)) as { recordings: string; files: string };
    };
    const { recordings } = await print({});
    expect((await print({})).recordings).toBe(recordings);
    expect((await print({ "ignore_list.txt": "" })).recordings).not.toBe(recordings);
    expect((await print({ "gPO_sBM_c01_d10_mPO1_ch01.mp4": "" })).recordings).not.toBe(recordings);
  });

  const real = realLists();
  it.skipIf(!real)("reads the real lists: 980 and 20 sequences, 28 of them among the 45 ignored", async () => {
    const context = await folderWith({});
    const splits = join(context.folder, "data/splits");
    mkdirSync(splits, { recursive: true });
    for (const split of ["train", "test"])
      copyFileSync(join(real!, `aistpp_crossmodal_${split}.txt`), join(splits, `crossmodal_${split}.txt`));
    copyFileSync(join(real!, "aistpp_ignore_list.txt"), join(splits, "../ignore_list.txt"));
    for (const [ignore, count] of [
      [false, 1000],
      [true, 972],
    ] as const)
      await expect(
        recordingsOf(aistDataset, { ...options, splits: ["train", "test"], ignore }, context),
      ).rejects.toThrow(`none of the ${count} `);
    const ignored = readFileSync(join(real!, "aistpp_ignore_list.txt"), "utf8").trim().split("\n");
    expect(ignored.length).toBe(45);
    for (const name of ignored) expect(parseName(name.trim())?.camera).toBe("cAll");
  });
});
