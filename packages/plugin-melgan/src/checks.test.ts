import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PipelineFacts, schedules } from "@cmmd/core";
import { expect, it } from "vitest";
import { checkTraining, checkVocoder } from "./checks.js";
import { officialDefinition } from "./definitions.js";

const base = await mkdtemp(join(tmpdir(), "cmmd-checks-"));
const definition = { ...officialDefinition(), rate: 16000, window: 512, fmax: 8000 };
await mkdir(join(base, "voice"));
await writeFile(join(base, "voice/config.json"), JSON.stringify({ features: { definition } }));
await mkdir(join(base, "other"));
await writeFile(
  join(base, "other/config.json"),
  JSON.stringify({ vocoder: { use: "hifi-gan" }, features: { definition } }),
);
await mkdir(join(base, "bare"));
await mkdir(join(base, "broken"));
await writeFile(join(base, "broken/config.json"), "{}");

const facts = (features: PipelineFacts["features"]): PipelineFacts => ({
  schedule: schedules.cosine(1000),
  predict: "v",
  base,
  clips: undefined,
  batch: 8,
  losses: [],
  features,
});
const found = (options: Parameters<typeof checkVocoder>[0], features = definition) =>
  checkVocoder(options, facts(features)).map(({ option, code }) => [option, code]);

it("finds features of another definition before anything is computed", () => {
  expect(found({ weights: "voice" })).toEqual([]);
  expect(found({ weights: "voice" }, { ...definition, rate: 22050 })).toEqual([["weights", "CMMD341"]]);
  expect(found({ weights: "broken" })).toEqual([["weights", "CMMD342"]]);
  expect(found({ weights: "other" })).toEqual([["weights", "CMMD340"]]);
  expect(found({ weights: "bare" })).toEqual([["weights", "CMMD342"]]);
  // Where they are is found out when the run is planned.
  expect(found({ weights: "nowhere" })).toEqual([]);
  expect(found({ weights: "runs:melgan_audioset" })).toEqual([]);
  expect(found({ weights: "hf://owner/repo" })).toEqual([]);
});

it("finds networks and segments that do not fit the features", () => {
  const problems = (options: Parameters<typeof checkTraining>[0], segment: number) =>
    checkTraining(options, { features: definition, segment }).map(({ path, code, hint }) => [
      path.join("."),
      code,
      hint,
    ]);
  expect(problems({}, 65536)).toEqual([]);
  expect(problems({ ratios: [8, 8, 4] }, 1024)).toEqual([]);
  expect(problems({ ratios: [8, 8, 2] }, 768)).toEqual([
    ["vocoder.ratios", "CMMD595", expect.any(String)],
    ["train.segment", "CMMD595", "Set train.segment to 1024 at least."],
  ]);
});

it("finds options that only training has a use for", () => {
  expect(found({ weights: "voice", ngf: 8, residual_layers: 2 })).toEqual([
    ["ngf", "CMMD344"],
    ["residual_layers", "CMMD344"],
  ]);
});
