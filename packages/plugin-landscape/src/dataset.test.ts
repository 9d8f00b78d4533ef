import { describe, expect, it } from "vitest";
import { folderWith, recordingsOf } from "../../plugin-media/test/datasets.js";
import { landscapeDataset } from "./dataset.js";
import type { LandscapeOptions } from "./options.js";

const options: LandscapeOptions = { root: "data", splits: ["train", "test"] };
const files = {
  "landscape/train/fire_crackling/0a.mp4": "",
  "landscape/train/fire_crackling/raining/0b.mp4": "",
  "landscape/train/Wind-Noise_12.mp4": "",
  "landscape/test/0c.MP4": "",
  "landscape/other/0d.mp4": "",
};

describe("landscape", () => {
  it("takes train and test at any depth, classes from folders or names", async () => {
    const context = await folderWith(files);
    const found = await recordingsOf(landscapeDataset, options, context);
    expect(found.map(({ id, split, label }) => [id, split, label])).toEqual([
      ["test_0c", "test", undefined],
      ["train_Wind-Noise_12", "train", "wind noise"],
      ["train_fire_crackling_0a", "train", "fire crackling"],
      ["train_fire_crackling_raining_0b", "train", "fire crackling"],
    ]);
    const inside = await recordingsOf(landscapeDataset, { ...options, root: "data/landscape" }, context);
    expect(inside.length).toBe(4);
    const wind = await recordingsOf(landscapeDataset, { ...options, classes: ["wind noise"] }, context);
    expect(wind.map(({ id }) => id)).toEqual(["train_Wind-Noise_12"]);
  });

  it("says when there is nothing of it", async () => {
    const none = await folderWith({ "a.mp4": "" });
    await expect(recordingsOf(landscapeDataset, options, none)).rejects.toMatchObject({ code: "CMMD306" });
    const all = await folderWith(files);
    await expect(recordingsOf(landscapeDataset, { ...options, classes: ["thunder"] }, all)).rejects.toMatchObject({
      code: "CMMD583",
    });
  });
});
