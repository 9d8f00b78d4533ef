import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Recording } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { testContext } from "../../test/context.js";
import { availableFfmpegs } from "../../test/ffmpegs.js";
import { flashFilm } from "../../test/flash.js";
import { encodeMp4 } from "../ffmpeg/encode.js";
import { folderDataset } from "./dataset.js";

const options = { root: "videos", extensions: ["mp4", "mkv"], recursive: true, holdout: 0.1 };

async function folderWith(names: readonly string[]) {
  const context = await testContext();
  mkdirSync(join(context.folder, "videos"));
  for (const name of names) {
    mkdirSync(join(context.folder, "videos", name, ".."), { recursive: true });
    writeFileSync(join(context.folder, "videos", name), name);
  }
  return context;
}

async function list(context: Awaited<ReturnType<typeof testContext>>, changes = {}): Promise<Recording[]> {
  const recordings: Recording[] = [];
  for await (const recording of folderDataset.clips({ ...options, ...changes }, context)) recordings.push(recording);
  return recordings;
}

describe("folder", () => {
  it("takes media files of any case in all folders, in a stable order, with unique ids", async () => {
    const names = [
      "b.MP4",
      "a/x y.mp4",
      "a/x_y.mkv",
      "notes.txt",
      ".hidden.mp4",
      ".git/c.mp4",
      "a/deep/z.mkv",
      "c.mkv",
    ];
    const context = await folderWith(names);
    symlinkSync(join(context.folder, "videos"), join(context.folder, "videos", "a", "loop"));
    const found = await list(context);
    expect(found.map(({ media }) => media.slice(context.folder.length + 8))).toEqual([
      "a/deep/z.mkv",
      "a/x y.mp4",
      "a/x_y.mkv",
      "b.MP4",
      "c.mkv",
    ]);
    expect(found[0]!.id).toBe("a_deep_z");
    expect(new Set(found.map(({ id }) => id)).size).toBe(5);
    expect(found.every(({ id }) => /^[\w.-]+$/.test(id))).toBe(true);
    expect((await list(context, { recursive: false })).length).toBe(2);
  });

  it("holds out a tenth, at least one, by name alone", async () => {
    const names = Array.from({ length: 30 }, (_, i) => `clip-${i}.mp4`);
    const tested = (found: Recording[]) => found.filter(({ split }) => split === "test").map(({ id }) => id);
    const first = tested(await list(await folderWith(names)));
    expect(first.length).toBe(3);
    expect(tested(await list(await folderWith([...names].reverse())))).toEqual(first);
    expect(tested(await list(await folderWith(names.slice(0, 2)))).length).toBe(1);
    expect(tested(await list(await folderWith(names), { holdout: 0 }))).toEqual([]);
  });

  it("tests a single recording on its end", async () => {
    const context = await testContext();
    const film = join(context.folder, "videos", "only.mp4");
    await encodeMp4(availableFfmpegs()[0]!.path, film, flashFilm(10), context.signal);
    const [train, test] = await list(context);
    expect(train).toMatchObject({ id: "only-train", start: 0, split: "train" });
    expect(test).toMatchObject({ id: "only-test", split: "test" });
    expect(Math.abs(train!.duration! + test!.duration! - 5)).toBeLessThan(0.1);
    expect(test!.start).toBe(train!.duration);
    expect(context.logged.join()).toMatch(/only recording/);
  });

  it("reads event times beside a file, and refuses ones that are none", async () => {
    const context = await folderWith(["a.mp4", "b.mp4"]);
    writeFileSync(join(context.folder, "videos/a.events.json"), '{"events": [0.5, 2]}');
    const found = await list(context);
    expect(found.map(({ events }) => events)).toEqual([[0.5, 2], undefined]);
    for (const bad of ['{"events": [-1]}', '{"events": "x"}', "{", "null"]) {
      writeFileSync(join(context.folder, "videos/b.events.json"), bad);
      await expect(list(context)).rejects.toMatchObject({ code: "CMMD321" });
    }
  });

  it("has a fingerprint that changes with the files and their events", async () => {
    const context = await folderWith(["a.mp4", "b.mp4"]);
    const print = async () => JSON.stringify(await folderDataset.fingerprint!(options, context));
    const before = await print();
    expect(await print()).toBe(before);
    writeFileSync(join(context.folder, "videos/a.events.json"), '{"events": [0.5]}');
    const withEvents = await print();
    expect(withEvents).not.toBe(before);
    utimesSync(join(context.folder, "videos/b.mp4"), 1, 1);
    expect(await print()).not.toBe(withEvents);
  });

  it("says when there is no folder, or nothing in it", async () => {
    const context = await folderWith(["notes.txt"]);
    await expect(list(context)).rejects.toMatchObject({ code: "CMMD306" });
    await expect(list(context, { root: "nowhere" })).rejects.toMatchObject({ code: "CMMD305" });
    await expect(list(context, { root: "videos/notes.txt" })).rejects.toThrow(/is not a folder/);
  });
});
