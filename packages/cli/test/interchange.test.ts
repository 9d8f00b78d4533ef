import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cosineSchedule, readSafetensors, readShards, stream } from "@cmmd/core";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { cmmd, jsonLines, tinyTraining } from "./process.js";

const cwd = mkdtempSync(join(tmpdir(), "cmmd-interchange-"));
writeFileSync(
  join(cwd, "tiny.yaml"),
  `${tinyTraining}device: cpu
generate:
  - { task: v2a, count: 1, sampler: { use: ddim, steps: 2 }, guidance: { use: reconstruction, weight: 2 } }
  - { task: joint, count: 1, sampler: { use: ddim, steps: 2 } }
`,
);
const artifact = (stage: string) => join(cwd, ".cmmd/store", stage, readdirSync(join(cwd, ".cmmd/store", stage))[0]!);
const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const only = async (...argv: string[]) => {
  const { code, out, err } = await cmmd([...argv, "--json"], { cwd });
  expect(code, err).toBe(0);
  return jsonLines(out)[0] as Record<string, unknown>;
};

/** The features of the generation's clip by DDIM with the exported evaluation alone, noise as the sampler draws it. */
async function sampled(file: string, task: "v2a" | "joint"): Promise<Float32Array> {
  const { seed, diffusion, shape, features } = json(join(artifact("train"), "config.json"));
  const { alphaBar } = cosineSchedule(diffusion.steps);
  const session = await ort.InferenceSession.create(file);
  const tensor = (name: string, data: Float32Array) =>
    new ort.Tensor("float32", data, [1, ...(shape[name] as number[])]);
  const noise = (name: string, use: string) =>
    stream(seed, `sample ${name} ${use}`, 0, 0).normal((shape[name] as number[]).reduce((a, b) => a * b));
  const id = readdirSync(join(artifact("generate"), task)).find((name) => name.endsWith(".safetensors"))!;
  const clip = id.replace(".safetensors", "");
  const latents = await (await readShards(artifact("encode"))).tensor(clip, "latents");
  const { before } = (await readShards(artifact("prepare"))).index.find((row) => row.id === clip) as {
    before?: number;
  };
  const size = noise("video", "start").length;
  const frame = size / shape.video[0];
  const x0 = Float32Array.from(latents.data, (value) => value * diffusion.scale.video);
  const known = {
    "known.video.x0": tensor("video", x0.slice(before! * frame, before! * frame + size)),
    "known.video.noise": tensor("video", noise("video", "condition")),
  };
  let x = { video: noise("video", "start"), audio: noise("audio", "start") };
  for (const [from, to] of [
    [1000, 500],
    [500, 0],
  ] as const) {
    const out = await session.run({
      video: tensor("video", x.video),
      audio: tensor("audio", x.audio),
      n: new ort.Tensor("float32", [from], [1]),
      alphaBar: new ort.Tensor("float32", [alphaBar(from)], []),
      ...(task === "v2a" && known),
    });
    const next = (name: "video" | "audio") =>
      x[name].map((_, i) => {
        const of = (kind: "x0" | "eps") => out[`${kind}.${name}`]!.data[i] as number;
        return Math.sqrt(alphaBar(to)) * of("x0") + Math.sqrt(1 - alphaBar(to)) * of("eps");
      });
    x = { video: next("video"), audio: next("audio") };
  }
  await session.release();
  return x.audio.map((value) => (value / diffusion.scale.audio) * features.std + features.mean);
}

describe("what a trained run gives to other programs", () => {
  beforeAll(() => only("run", "tiny.yaml", "generate"));

  for (const task of ["v2a", "joint"] as const)
    it(`the exported evaluation of ${task} samples the clip that cmmd samples`, async () => {
      const file = join(cwd, `${task}.onnx`);
      const run = task === "v2a" ? "tiny" : join(cwd, ".cmmd/runs/tiny", readdirSync(join(cwd, ".cmmd/runs/tiny"))[0]!);
      const { generation, inputs } = await only("export", run, "--onnx", file, "--task", task);
      expect(generation).toBe(task);
      expect((inputs as { name: string }[]).length).toBe(task === "v2a" ? 6 : 4);
      const folder = join(artifact("generate"), task);
      const own = readdirSync(folder).find((name) => name.endsWith(".safetensors"))!;
      const { features } = (await readSafetensors(join(folder, own))).tensors;
      const other = await sampled(file, task);
      const most = Math.max(...other.map((value, i) => Math.abs(value - features!.data[i]!)));
      expect(most).toBeLessThan(1e-5);
    });

  it("weights are copied with what they are of, and what there is not is named", async () => {
    expect((await only("export", "tiny", "--safetensors", "weights")).files).toContain("ema.safetensors");
    expect(json(join(cwd, "weights/config.json")).model.use).toBe("cmmd-unet");
    const wrong = await cmmd(["export", "tiny", "--onnx", "x.onnx", "--task", "a2v"], { cwd });
    expect(wrong.code).toBe(2);
    expect(wrong.err).toMatch(/CMMD575 [\s\S]*v2a, joint/);
    expect((await cmmd(["export", "nothing", "--onnx", "x.onnx"], { cwd })).err).toMatch(/CMMD534 /);
  });
});

it("import reads a PyTorch file without executing it", async () => {
  const fixture = (name: string) =>
    fileURLToPath(new URL(`../../core/src/interchange/fixtures/${name}`, import.meta.url));
  const { tensors } = await only("import", fixture("zip.pt"), "-o", "zip.safetensors");
  expect(Object.keys((await readSafetensors(join(cwd, "zip.safetensors"))).tensors)).toHaveLength(tensors as number);
  const evil = await cmmd(["import", fixture("evil.pt"), "-o", "evil.safetensors"], { cwd });
  expect([evil.code, evil.err]).toEqual([1, expect.stringMatching(/^CMMD574 /)]);
});

it("inspect counts the paper's network as the specification does, and grows with the batch", async () => {
  writeFileSync(
    join(cwd, "paper.yaml"),
    `cmmd: 1
data: { use: synthetic, scene: bench, clip: { frames: 18, every: 18 } }
prepare:
  video: [{ use: fps, rate: 10 }, { use: resize, size: 512 }]
  audio: [{ use: resample, rate: 16000 }, { use: mel, bins: 80, window: 512, hop: 256 }]
latents: { use: patch-pca, patch: 8, channels: 4 }
model: { use: cmmd-unet }
train: { steps: 1, batch: 1, losses: [{ use: diffusion }] }
generate: { task: joint, batch: 1, sampler: { use: ddim, steps: 200 } }
`,
  );
  const { parameters, forward } = await only("inspect", "paper.yaml", "--batch", "1");
  expect(parameters).toBe(105_840_212);
  expect(Math.abs((forward as { multiplyAdds: number }).multiplyAdds / 364e9 - 1)).toBeLessThan(0.03);
  const { training } = await only("inspect", "tiny.yaml", "--batch", "1,4");
  type Phases = readonly { readonly byBatch: readonly Record<"batch" | "memory" | "multiplyAdds", number>[] }[];
  const [one, , four] = (training as Phases)[0]!.byBatch;
  expect(four!.multiplyAdds).toBeGreaterThan(one!.multiplyAdds);
  expect(four!.memory).toBeGreaterThan(one!.memory);
  // In two parts a step computes the same; a batch of one clip has none.
  const inParts = (await only("inspect", "tiny.yaml", "--batch", "1,4", "train.accumulate=2")).training as Phases;
  const [, divided] = inParts[0]!.byBatch;
  expect(inParts[0]!.byBatch.map(({ batch }) => batch)).toEqual([2, 4]);
  expect(divided!.multiplyAdds / four!.multiplyAdds).toBeCloseTo(1, 2);
});
