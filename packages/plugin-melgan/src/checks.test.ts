import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PipelineFacts, schedules } from "@cmmd/core";
import { expect, it } from "vitest";
import { checkVocoder } from "./checks.js";
import { officialDefinition } from "./definitions.js";

const base = await mkdtemp(join(tmpdir(), "cmmd-checks-"));
const definition = { ...officialDefinition(), rate: 16000, window: 512, fmax: 8000 };
await mkdir(join(base, "voice"));
await writeFile(join(base, "voice/config.json"), JSON.stringify({ features: { definition } }));
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
  // Where they are is found out when the run is planned.
  expect(found({ weights: "nowhere" })).toEqual([]);
  expect(found({ weights: "runs:melgan_audioset" })).toEqual([]);
  expect(found({ weights: "hf://owner/repo" })).toEqual([]);
});

it("finds options that only training has a use for", () => {
  expect(found({ weights: "voice", ngf: 8, residual_layers: 2 })).toEqual([
    ["ngf", "CMMD344"],
    ["residual_layers", "CMMD344"],
  ]);
});
