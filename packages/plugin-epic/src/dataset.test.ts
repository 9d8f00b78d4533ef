import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folderWith, realLists, recordingsOf } from "../../plugin-media/test/datasets.js";
import { type Annotation, readAnnotations } from "./annotations.js";
import { classes } from "./classes.js";
import { epicDataset } from "./dataset.js";
import { type EpicOptions, withoutLabels } from "./options.js";
import { stretchesOf } from "./stretches.js";

const options: EpicOptions = {
  root: "data",
  videos: "EPIC-KITCHENS",
  annotations: "epic-sounds-annotations",
  splits: ["train", "validation"],
  min_seconds: 0,
  context: 1.5,
  join: true,
};
const header =
  "annotation_id,participant_id,video_id,start_timestamp,stop_timestamp,start_sample,stop_sample,description,class,class_id";
const table = (rows: readonly string[]) => [header, ...rows, ""].join("\r\n");
const annotations = {
  "epic-sounds-annotations/EPIC_Sounds_train.csv": table([
    'P01_01_0,P01,P01_01,00:00:02.000,00:00:02.500,48000,60000,"pan, lid",metal-only collision,0',
    "P01_01_1,P01,P01_01,00:00:04.000,00:00:05.000,96000,120000,hum,background,13",
    "P01_01_2,P01,P01_01,01:00:06.250,01:00:06.500,86550000,86556000,chop,cut / chop,2",
    "P02_103_0,P02,P02_103,00:00:01.000,00:00:01.100,24000,26400,click,click,16",
  ]),
  "epic-sounds-annotations/EPIC_Sounds_validation.csv": table([
    "P03_02_0,P03,P03_02,00:00:01.000,00:00:02.000,24000,48000,water,water,5",
  ]),
};
const files = { ...annotations, "EPIC-KITCHENS/P01/videos/P01_01.MP4": "", "EPIC-KITCHENS/P03/videos/P03_02.mp4": "" };

describe("epic-sounds", () => {
  it("cuts recordings around annotations, several in one, with the events inside", async () => {
    const context = await folderWith(files);
    expect(await recordingsOf(epicDataset, options, context)).toEqual([
      {
        id: "P01_01_0",
        media: "EPIC-KITCHENS/P01/videos/P01_01.MP4",
        start: 0.5,
        duration: 6,
        split: "train",
        events: [2, 4],
        label: ["metal-only collision", "background"],
      },
      {
        id: "P01_01_2",
        media: "EPIC-KITCHENS/P01/videos/P01_01.MP4",
        start: 3604.75,
        duration: 3.25,
        split: "train",
        events: [3606.25],
        label: ["cut / chop"],
      },
      {
        id: "P03_02_0",
        media: "EPIC-KITCHENS/P03/videos/P03_02.mp4",
        start: 0,
        duration: 3.5,
        split: "validation",
        events: [1],
        label: ["water"],
      },
    ]);
    expect(context.warned.join()).toMatch(/1 of the 4 .*P02.videos.P02_103\.MP4/);
  });

  it("chooses by class and length; other sounds inside are events unless they are passed over", async () => {
    const context = await folderWith(files);
    const list = async (changes: Partial<EpicOptions>) =>
      (await recordingsOf(epicDataset, { ...options, splits: ["train"], ...changes }, context)).map(
        ({ id, events }) => [id, events],
      );
    expect(await list({ classes: ["metal-only collision"], context: 3 })).toEqual([["P01_01_0", [2, 4]]]);
    expect(await list({ classes: ["metal-only collision"], context: 3, without: ["background"] })).toEqual([
      ["P01_01_0", [2]],
    ]);
    expect(await list({ min_seconds: 0.6 })).toEqual([["P01_01_1", [4]]]);
    expect((await list({ join: false })).map(([id]) => id)).toEqual(["P01_01_0", "P01_01_1", "P01_01_2"]);
  });

  it("takes sound from files of their own", async () => {
    const context = await folderWith({ ...files, "wav/P01_01.wav": "" });
    const found = await recordingsOf(epicDataset, { ...options, sounds: "wav" }, context);
    expect(new Set(found.map(({ sound }) => sound))).toEqual(new Set([join(context.folder, "data/wav/P01_01.wav")]));
    expect(context.warned.join()).toMatch(/2 of the 4 /);
  });

  it("says what is wrong with a list, and what is not there", async () => {
    const nothing = await folderWith(annotations);
    await expect(recordingsOf(epicDataset, options, nothing)).rejects.toThrow(
      /none of the 4 .*EPIC-KITCHENS.P01.videos.P01_01\.MP4/,
    );
    await expect(recordingsOf(epicDataset, { ...options, splits: ["test"] }, nothing)).rejects.toMatchObject({
      code: "CMMD580",
    });
    const csv = "epic-sounds-annotations/EPIC_Sounds_train.csv";
    for (const bad of [
      "a,b\n1,2\n",
      table(["P01_01_0,P01,P01_01,2 s,3 s,1,2,x,click,16"]),
      `${header}\n"`,
      `${header}\nx\n`,
    ])
      await expect(recordingsOf(epicDataset, options, await folderWith({ [csv]: bad }))).rejects.toMatchObject({
        code: "CMMD581",
      });
    expect(withoutLabels({ ...options, splits: ["test"], classes: ["click"] })).toMatchObject([{ option: "classes" }]);
  });

  const real = realLists();
  it.skipIf(!real)("reads the real lists whole: 8 035 and 5 131 sounds of 44 classes", async () => {
    const context = await folderWith({});
    const folder = join(context.folder, "data/epic-sounds-annotations");
    mkdirSync(folder, { recursive: true });
    for (const name of ["EPIC_Sounds_validation.csv", "EPIC_Sounds_recognition_test_timestamps.csv"])
      copyFileSync(join(real!, name), join(folder, name));
    const validation = await readAnnotations(folder, "validation");
    expect(validation.length).toBe(8035);
    expect(new Set(validation.map((one) => one.class))).toEqual(new Set(classes));
    expect((await readAnnotations(folder, "test")).length).toBe(5131);
    const split = { ...options, splits: ["validation", "test"] as ("validation" | "test")[], join: false };
    await expect(recordingsOf(epicDataset, split, context)).rejects.toThrow(/none of the 13166 /);
    const held = stretchesOf(validation.filter(({ video }) => video === "P01_11") as Annotation[], options);
    for (const [i, { start }] of held.entries()) if (i > 0) expect(start).toBeGreaterThan(held[i - 1]!.stop);
    expect(held.reduce((sum, { around }) => sum + around.length, 0)).toBe(
      validation.filter(({ video }) => video === "P01_11").length,
    );
  });
});
