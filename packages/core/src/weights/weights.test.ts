import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { weightsFile } from "./weights.js";

const base = mkdtempSync(join(tmpdir(), "cmmd-weights-"));
const lookup = { base, folder: join(base, "store", "weights"), signal: new AbortController().signal, progress() {} };
const find = (source: string) => weightsFile(source, "model.safetensors", lookup);

function folder(name: string, ...files: string[]) {
  mkdirSync(join(base, name));
  for (const file of files) writeFileSync(join(base, name, file), "");
}

it("takes a training's averaged weights, unless the raw ones are named, and a folder's only ones", async () => {
  folder("training", "trainer.json", "model.safetensors", "ema.safetensors");
  folder("exported", "config.json", "model.safetensors");
  folder("begun", "trainer.json");
  expect(await find("training")).toBe(join(base, "training", "ema.safetensors"));
  expect(await find("training/model.safetensors")).toBe(join(base, "training", "model.safetensors"));
  expect(await find("exported")).toBe(join(base, "exported", "model.safetensors"));
  await expect(find("begun")).rejects.toMatchObject({ code: "CMMD561" });
});
