import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { syntheticDataset } from "../../plugin-media/src/synthetic/render.js";
import { testContext } from "../../plugin-media/test/context.js";
import { availableFfmpegs } from "../../plugin-media/test/ffmpegs.js";
import { cmmd, jsonLines } from "./process.js";

const pipeline = fileURLToPath(new URL("../../../pipelines/epic_v2a_small.yaml", import.meta.url));
const tiny = [
  ...["device=cpu", "prepare.video.2.size=32", "data.max_rejected=0.5"],
  ...["model.channels=8", "model.groups=4", "model.head_dim=8", "model.multipliers=[1,2]"],
  ...["train.steps=2", "train.batch=2", "train.losses.1.from=1", "generate.0.count=2", "generate.0.sampler.steps=2"],
];

describe("a dataset in its official layout", () => {
  const store = mkdtempSync(join(tmpdir(), "cmmd-epic-"));
  let root = "";
  const env = () => ({ ...process.env, EPIC_ROOT: root });
  beforeAll(async () => {
    const context = await testContext();
    root = context.folder;
    const size = { scene: "bench", clips: { train: 2, test: 2 }, seconds: 4, size: 64, rate: 30 } as const;
    await syntheticDataset.render!({ ...size, distractors: 0, variety: 1, noise_db: -62 }, context);
    const annotation = (video: string) =>
      `${video}_0,P09,${video},00:00:01.000,00:00:01.500,24000,36000,click,click,16\n`;
    const list = join(root, "epic-sounds-annotations/EPIC_Sounds_train.csv");
    appendFileSync(list, annotation("P01_09") + annotation("P01_10"));
    // Of the two, one was not downloaded and the other is no video; folders are named by the participant.
    writeFileSync(list, readFileSync(list, "utf8").replaceAll(",P09,", ",P01,"));
    writeFileSync(join(root, "EPIC-KITCHENS/P01/videos/P01_10.MP4"), "not a video");
  }, 300_000);

  it("is shown without being prepared", async () => {
    const shown = await cmmd(["data", "show", pipeline, "--json", "--store", store], { env: env() });
    expect(shown.code, shown.err).toBe(0);
    const lines = jsonLines(shown.out);
    expect(lines.map(({ message }) => message).join()).toMatch(/1 of the 6 recordings .*P01_09\.MP4/);
    const survey = lines.at(-1)! as { sheet: string; examples: string[] };
    expect(survey).toMatchObject({
      type: "data",
      ...{ recordings: 5, files: 5, clips: 8 },
      splits: [
        { value: "train", recordings: 2, clips: 4 },
        { value: "validation", recordings: 2, clips: 4 },
      ],
      ...{ rates: [{ value: "30 fps" }], resolutions: [{ value: "64x64" }], sounds: [{ value: "48000 Hz mono" }] },
      rejected: [{ code: "CMMD301", recordings: 1, first: "P01_10_0" }],
    });
    const ffmpeg = availableFfmpegs()[0]!.path;
    const raw = ["-loglevel", "error", "-i", survey.sheet, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
    const picture = execFileSync(ffmpeg, raw);
    expect(picture.length).toBe(4 * 192 * 108 * 3);
    // Each picture stands in the middle of its place, on black.
    const column = (x: number) => picture.subarray((54 * 4 * 192 + x) * 3, (54 * 4 * 192 + x) * 3 + 3);
    expect([...column(10)]).toEqual([0, 0, 0]);
    expect(Math.max(...column(96))).toBeGreaterThan(20);
    expect(survey.examples.every((path) => existsSync(path))).toBe(true);
    expect(existsSync(join(store, "store/prepare"))).toBe(false);
  });

  it("runs through the laptop's pipeline of the paper's experiment", async () => {
    const run = await cmmd(["run", pipeline, "--json", "--store", store, ...tiny], { env: env() });
    expect(run.code, run.err).toBe(0);
    expect(run.out).toMatch(/8 clips \(4 train, 4 validation\), 1 rejected/);
  }, 300_000);
});
