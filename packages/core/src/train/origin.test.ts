import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import { writeRun } from "../store/runs.js";
import { Store } from "../store/store.js";
import { layoutOf, pack, startOf } from "./buckets.js";
import { checkpoints, readState, writeState } from "./checkpoint.js";
import { compareConfigurations, originOf } from "./origin.js";

const folder = mkdtempSync(join(tmpdir(), "cmmd-origin-"));
afterAll(() => rmSync(folder, { recursive: true }));
const tensors = { "in.weight": { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) } };
const layout = layoutOf(tensors);
const states = { model: { buckets: startOf(pack(tensors, layout)) } };
const configuration = {
  model: { use: "net", options: { head_dim: 32, checkpoint: false } },
  features: { mean: 1, rate: 16000 },
  shape: { video: [18, 4, 4, 16] },
};
const described = { layouts: { model: layout }, configuration };
const asking = (from: string) =>
  ({ name: "mine", path: join(folder, "p.yaml"), train: { from } }) as unknown as ResolvedPipeline;

describe("train.from", () => {
  it("finds the newest trained run, its checkpoints and paths, and tells them apart by content", async () => {
    const store = new Store(join(folder, ".cmmd"));
    const stages = [{ stage: "train", key: "k1", state: "interrupted" as const }];
    const record = { started: "", overrides: [], device: "cpu", versions: {}, metrics: {}, stages };
    const run = { ...record, id: "1", state: "interrupted" as const, pipeline: { name: "theirs" } as ResolvedPipeline };
    await writeRun(store, run);
    await expect(originOf(asking("theirs"), store)).rejects.toMatchObject({ code: "CMMD523" });
    const training = await store.begin("train", "k1", {});
    for (const step of [4, 6]) await checkpoints.save(training, step, states, described, { last: 9, every: undefined });
    expect((await originOf(asking("theirs"), store))!.content).toEqual({ train: "k1", step: 6 });
    expect((await originOf(asking("theirs@4"), store))!.content).toEqual({ train: "k1", step: 4 });
    await expect(originOf(asking("theirs@5"), store)).rejects.toMatchObject({ code: "CMMD523" });
    await writeState(training, 8, states, described);
    await store.commit("train", "k1", {});
    const finished = await originOf(asking("theirs"), store);
    expect(finished!.content).toEqual({ train: "k1", step: 8 });

    const byRun = await originOf(asking(join(store.root, "runs", "theirs", "1")), store);
    expect(byRun).toEqual(finished);
    const byPath = await originOf(asking(finished!.path), store);
    expect(byPath!.content).toHaveProperty(["model.safetensors"], expect.stringMatching(/^[0-9a-f]{64}$/));
    const file = await originOf(asking(join(finished!.path, "ema.safetensors")), store);
    expect((await readState(file!.path, described.layouts)).step).toBeUndefined();
    await expect(originOf(asking("thiers"), store)).rejects.toMatchObject({
      code: "CMMD523",
      hint: expect.stringContaining("theirs"),
    });
    await expect(originOf(asking("mine"), store)).rejects.toMatchObject({ code: "CMMD523" });
  });

  it("names every tensor that does not fit, with both shapes", async () => {
    const other = layoutOf({ "in.weight": { shape: [3, 3] }, "out.bias": { shape: [2] } });
    const path = join(folder, "weights");
    mkdirSync(path);
    await writeState(path, 1, states, described);
    await expect(readState(path, { model: other })).rejects.toMatchObject({
      code: "CMMD570",
      message: expect.stringMatching(/in\.weight.*\[2, 3\].*\[3, 3\][\s\S]*out\.bias/),
    });
    writeFileSync(join(path, "model.safetensors"), "short");
    await expect(readState(path, described.layouts)).rejects.toMatchObject({ code: "CMMD410" });
  });

  it("says what differs of a checkpoint of another configuration", () => {
    const changed = (model: object, features: object) => ({
      ...configuration,
      model: { use: "net", options: { ...configuration.model.options, ...model } },
      features: { ...configuration.features, ...features },
      shape: { video: [36, 4, 4, 16] },
    });
    const options = { incidental: ["checkpoint"], weightsOnly: false };
    const compare = (own: typeof configuration, weightsOnly = false) =>
      compareConfigurations({ configuration }, own, "x", { ...options, weightsOnly });
    expect(compare(changed({ checkpoint: true }, {}))).toBeUndefined();
    expect(compare(changed({}, { mean: 2 }))).toBe("features.mean: 1 -> 2");
    expect(() => compare(changed({ head_dim: 64 }, { rate: 22050 }))).toThrow(
      /model\.head_dim: 32 -> 64\n {2}features\.rate: 16000 -> 22050/,
    );
    expect(compare(changed({ head_dim: 64 }, {}), true)).toBe("model.head_dim: 32 -> 64");
  });
});
