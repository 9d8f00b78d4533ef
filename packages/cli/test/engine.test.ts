import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { cmmd, jsonLines, tinyTraining } from "./process.js";

const cwd = mkdtempSync(join(tmpdir(), "cmmd-engine-"));
writeFileSync(join(cwd, "tiny.yaml"), `${tinyTraining}device: cpu\n`);
const programs = join(cwd, ".cmmd", "programs");

/** Trains with these overrides; the curve and the weights. */
async function train(...overrides: string[]) {
  const { code, out, err } = await cmmd(["run", "tiny.yaml", "train", "--json", ...overrides], { cwd });
  expect([code, err]).toEqual([0, ""]);
  const { key } = jsonLines(out).findLast(({ stage, key }) => stage === "train" && key) as { key: string };
  const folder = join(cwd, ".cmmd", "store", "train", key);
  const read = (name: string) => readFileSync(join(folder, name));
  return {
    curve: jsonLines(read("losses.jsonl").toString()) as Record<string, number>[],
    weights: read("model.safetensors"),
    key,
  };
}

it("TensorFlow.js trains as the compiled program does, and a compiled program from the store as a new one", async () => {
  const compiled = await train();
  const kept = readdirSync(programs).filter((name) => name.endsWith(".program"));
  expect(kept).toHaveLength(1);

  const eager = await train("engine=tfjs", "backend=wasm");
  expect(eager.key).not.toBe(compiled.key);
  expect(eager.curve).toHaveLength(3);
  for (const [i, row] of eager.curve.entries())
    for (const [name, value] of Object.entries(row))
      expect(Math.abs(value / compiled.curve[i]![name]! - 1), `${name} at step ${i + 1}`).toBeLessThan(1e-3);

  // Another key, the same program.
  const again = await train("train.log_every=2");
  expect(again.key).not.toBe(compiled.key);
  expect(again.weights.equals(compiled.weights)).toBe(true);
  expect(readdirSync(programs).filter((name) => name.endsWith(".program"))).toEqual(kept);
}, 300_000);

it("a backend that is not installed is named with its package", async () => {
  const { code, err } = await cmmd(["run", "tiny.yaml", "train", "engine=tfjs"], { cwd });
  expect(code).toBe(1);
  expect(err).toMatch(
    /^JIT303 tfjs has no backend tensorflow here\n +Install it: npm install @tensorflow\/tfjs-node-gpu/m,
  );
}, 300_000);

it("mixed precision without a GPU is refused before anything is computed", async () => {
  const { code, err } = await cmmd(["plan", "tiny.yaml", "precision=mixed"], { cwd });
  expect(code).toBe(2);
  expect(err).toMatch(/CMMD218.*"precision: mixed" is for GPUs/);
});
