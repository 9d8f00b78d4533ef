import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { cmmd, demo, jsonLines } from "./process.js";

const folder = mkdtempSync(join(tmpdir(), "cmmd-negatives-"));
const pipeline = (name: string, text: string) => {
  writeFileSync(join(folder, name), `extends: ${demo}\n${text}`);
  return name;
};

it("says before anything runs which sizes do not fit, and where", async () => {
  const path = pipeline(
    "sizes.yaml",
    `data: { clip: { context: 3 } }
prepare: { video: [{ use: fps, rate: 10 }, { use: resize, size: 80 }] }
model: { multipliers: [1, 2, 3, 4, 5], attention_levels: [7] }
train: { losses: [{ use: diffusion }, { use: contrastive }] }
`,
  );
  const { code, out } = await cmmd(["validate", path, "--json"], { cwd: folder });
  expect(code).toBe(2);
  const told = jsonLines(out).map((line) => `${line.code} ${line.message} ${line.hint}`);
  const undivided = await cmmd(["validate", path, "prepare.video.1.size=84", "--json"], { cwd: folder });
  expect(jsonLines(undivided.out).find((line) => line.code === "CMMD555")).toMatchObject({
    message:
      'the autoencoder "patch-pca" cannot divide pictures of 84x84 pixels: their latents would measure 5.25x5.25',
    hint: "Resize or crop them in prepare.video: sides of 80 or 96 fit.",
  });
  expect(told).toEqual([
    expect.stringMatching(/^CMMD501 .*latent height 4 times, but 5 is not a multiple of 16; the nearest is 16/),
    expect.stringMatching(/^CMMD501 .*there is no level 7 The levels are 0 to 4/),
    // Once, although both modalities have it by default.
    expect.stringMatching(/^CMMD550 .*by up to 4 video frames, but only 3 .*data.clip.context to 4 or more/),
  ]);
});

it("renders each negative beside its clip, and prepares the clips first", async () => {
  const path = pipeline("small.yaml", "data: { clips: { train: 2, test: 1 }, seconds: 3 }\n");
  const run = await cmmd(["negatives", path, "--out", "films", "--count", "1", "--json"], { cwd: folder });
  expect(run.code, run.err).toBe(0);
  const made = jsonLines(run.out).filter(({ type }) => type === "negative");
  expect(made.map(({ use, modality }) => `${use} ${modality}`)).toEqual([
    "temporal-shift audio",
    "temporal-shift video",
  ]);
  const index = readFileSync(join(folder, "films", "index.txt"), "utf8");
  for (const { positive, negative } of made)
    for (const file of [positive, negative] as string[]) {
      expect(existsSync(join(folder, "films", file)), file).toBe(true);
      expect(index).toContain(file);
    }
});
