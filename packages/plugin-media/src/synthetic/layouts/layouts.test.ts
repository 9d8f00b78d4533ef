import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { benchScene } from "../bench/scene.js";
import { dancerScene } from "../dancer/scene.js";
import type { SyntheticOptions } from "../options.js";
import type { Scene } from "../scene.js";

const options: SyntheticOptions = {
  scene: "bench",
  clips: { train: 40, test: 5 },
  seconds: 70,
  size: 64,
  rate: 30,
  distractors: 0.2,
  variety: 1,
  noise_db: -62,
};
const perform = (scene: Scene, count = 45) =>
  Array.from({ length: count }, (_, i) => scene.perform(7, i, i < 40 ? "train" : "test", options));

const shared = process.env.CMMD_TEST_DATA ?? fileURLToPath(new URL("../../../../../../shared/data", import.meta.url));
const realTable = join(shared, "meta/EPIC_Sounds_validation.csv");
const realNames = join(shared, "meta/aistpp_crossmodal_train.txt");
const present = existsSync(realTable) && existsSync(realNames);
if (!present) console.log(`skipped: comparison with the real lists, which are not in "${shared}" (CMMD_TEST_DATA)`);

function rows(csv: string): Record<string, string>[] {
  const [header, ...lines] = csv.trimEnd().split("\n");
  const names = header!.split(",");
  return lines.map((line) => Object.fromEntries(line.split(",").map((value, i) => [names[i]!, value])));
}

describe("EPIC-KITCHENS layout", () => {
  const performances = perform(benchScene);
  const lists = benchScene.lists(performances, options);
  const tables = ["train", "validation"].map((name) => lists[`epic-sounds-annotations/EPIC_Sounds_${name}.csv`]!);

  it("puts videos where EPIC-KITCHENS has them", () => {
    for (const { id, media } of performances) expect(media).toBe(`EPIC-KITCHENS/${id.split("_")[0]}/videos/${id}.MP4`);
    expect(new Set(performances.map(({ id }) => id)).size).toBe(45);
  });

  it("annotates every sound of every video, to the millisecond", () => {
    for (const { id, split, events, distractors } of performances) {
      const annotated = rows(tables[split === "train" ? 0 : 1]!).filter((row) => row.video_id === id);
      const seconds = annotated.map((row) => {
        const [hours, minutes, rest] = row.start_timestamp!.split(":").map(Number);
        return hours! * 3600 + minutes! * 60 + rest!;
      });
      const heard = [...events, ...distractors.sounds].sort((a, b) => a - b);
      expect(seconds.map((time, i) => Math.abs(time - heard[i]!) <= 0.0005 + 1e-9)).toEqual(heard.map(() => true));
      expect(annotated.map((row) => Number(row.start_sample))).toEqual(seconds.map((time) => Math.round(time * 24000)));
      expect(annotated.filter((row) => row.class === "background").length).toBe(distractors.sounds.length);
    }
  });

  it.skipIf(!present)("has the real table's columns, forms and classes", () => {
    const real = readFileSync(realTable, "utf8");
    expect(tables[0]!.split("\n")[0]).toBe(real.split("\n")[0]!.trimEnd());
    // Its descriptions hold quoted commas; the class and its number are the last two columns.
    const classes = new Set(
      real
        .trimEnd()
        .split("\n")
        .map((line) => line.trimEnd().split(",").slice(-2).join(",")),
    );
    const form = (row: string) => row.replace(/\d/g, "0").split(",").slice(0, 5).join(",").replace(/_0+,/, "_0,");
    const forms = new Set(real.split("\n").slice(1).map(form));
    for (const row of tables.join("").split("\n")) {
      if (row === "" || row.startsWith("annotation_id")) continue;
      expect(classes).toContain(row.split(",").slice(-2).join(","));
      expect(forms).toContain(form(row));
    }
  });
});

describe("AIST++ layout", () => {
  const performances = perform(dancerScene, 700);
  const grammar = /^g(BR|PO|LO|MH|LH|HO|WA|KR|JS|JB)_s(BM|FM)_(c0[1-9]|cAll)_d\d\d_m\1[0-5]_ch\d\d$/;

  it("names files by AIST's grammar, each once, all flat", () => {
    for (const { id, media } of performances) {
      expect(id).toMatch(grammar);
      expect(media).toBe(`${id}.mp4`);
    }
    expect(new Set(performances.map(({ id }) => id)).size).toBe(700);
  });

  it("lists sequences for all cameras, without an end of line", () => {
    const lists = dancerScene.lists(performances.slice(0, 45), options);
    for (const [name, from, to] of [
      ["train", 0, 40],
      ["test", 40, 45],
    ] as const) {
      const sequences = lists[`splits/crossmodal_${name}.txt`]!.split("\n");
      expect(sequences).toEqual(performances.slice(from, to).map(({ id }) => id.replace("_c01_", "_cAll_")));
    }
  });

  it("gives music m_0 to m_5 the beats per minute that AIST's has", () => {
    for (const { id, events, facts, distractors } of performances.slice(0, 100)) {
      const music = Number(/_m..(\d)/.exec(id)![1]);
      expect(facts.tempo).toBe(id.startsWith("gHO") ? 110 + 5 * music : 80 + 10 * music);
      const beats = [...events, ...distractors.motions].sort((a, b) => a - b);
      expect((60 * (beats.length - 1)) / (beats.at(-1)! - beats[0]!)).toBeCloseTo(facts.tempo as number, 6);
    }
  });

  it.skipIf(!present)("has a grammar that fits the real names", () => {
    for (const name of readFileSync(realNames, "utf8").split("\n")) expect(name).toMatch(grammar);
  });
});
