import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { encodeMp4 } from "../../plugin-media/src/ffmpeg/encode.js";
import { availableFfmpegs } from "../../plugin-media/test/ffmpegs.js";
import { flashFilm } from "../../plugin-media/test/flash.js";
import { cmmd, demo } from "./process.js";

const guide = readFileSync(new URL("../../../docs/dataset-plugin.md", import.meta.url), "utf8");
const block = (language: string) => new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(guide)![1]!;

it("the guide's dataset plugin works as the guide says, in at most 45 lines", async () => {
  expect(block("ts").trimEnd().split("\n").length).toBeLessThanOrEqual(45);
  const folder = mkdtempSync(join(tmpdir(), "cmmd-birds-"));
  mkdirSync(join(folder, "recordings"));
  writeFileSync(join(folder, "birds.ts"), block("ts"));
  writeFileSync(join(folder, "recordings/birds.csv"), block("csv"));
  writeFileSync(join(folder, "birds.yaml"), `extends: ${demo}\ndevice: cpu\n${block("yaml")}`);
  const { signal } = new AbortController();
  await encodeMp4(availableFfmpegs()[0]!.path, join(folder, "recordings/garden.mp4"), flashFilm(10), signal);
  const run = await cmmd(["run", "birds.yaml", "prepare", "--json"], { cwd: folder });
  expect(run.code, run.err).toBe(0);
  expect(run.out).toMatch(/1 of the 3 recordings [^\n]*missing\.mp4/);
  expect(run.out).toMatch(/2 clips \(1 train, 1 test\), 0 rejected/);
  const wrong = await cmmd(["validate", "birds.yaml", "data.specis=[Robin]"], { cwd: folder });
  expect(wrong.code).toBe(2);
  expect(wrong.err).toMatch(/Did you mean "species"\?/);
});
